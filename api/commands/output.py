"""How commands speak: JSON for programs, lines with a mark for people."""

import json
from collections.abc import Sequence
from typing import Any

import typer

from core.errors import Finding


def print_json(value: Any) -> None:
    """One JSON document on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Every finding; ends the command with status 2 when one is bad."""
    bad = [finding for finding in findings if not finding.ok]
    if as_json:
        found = [{"subject": f.subject, "ok": f.ok, "message": f.message, "mend": f.mend} for f in findings]
        print_json({"ok": not bad, "findings": found})
    else:
        for finding in findings:
            typer.echo(f"{'✓' if finding.ok else '✗'} {finding.subject}: {finding.message}")
            if finding.mend and not finding.ok:
                typer.echo(f"  → {finding.mend}")
        typer.echo(f"{len(findings) - len(bad)} well, {len(bad)} to mend")
    if bad:
        raise typer.Exit(2)
