"""The demonstration: a simulated city dials the real hotline, and everything is checked against what was expected."""

from api.demo.run import run

__all__ = ["run"]
