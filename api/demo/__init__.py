"""The demonstration: a simulated city dials the real hotline, and everything is checked against what was expected."""
