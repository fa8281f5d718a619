"""All measurements of one run as one table: `python -m bench [--only PART] [--speech DIR] [--json]`."""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import asr, calls, path, rush
from bench.figures import Row, table
from bench.stage import free_block
from core.errors import HotlineError
from core.logs import configure_logs
from core.settings import Settings, load_settings
from ivr.pbx.get import AsteriskInstall, find_asterisk

PARTS = ("calls", "rush", "asr", "path")
TITLES = {
    "calls": "calls through the flow",
    "rush": "a rush of callers",
    "asr": "transcription",
    "path": "the whole path",
}
ROWS: dict[str, Callable[[dict[str, Any]], list[Row]]] = {
    "calls": calls.rows,
    "rush": rush.rows,
    "asr": asr.rows,
    "path": path.rows,
}


def main() -> int:
    """Measure and print; 0 when all that was asked for was measured and kept its budget, 1 otherwise."""
    options = _options()
    configure_logs("bench", level="ERROR")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[bench {time.monotonic() - began:5.1f} s] {text}", file=sys.stderr, flush=True)

    settings = load_settings()
    install = find_asterisk(settings.home, progress=say)
    found: dict[str, Any] = {"machine": _machine(install)}
    home = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    for part in options.only or PARTS:
        say(f"{TITLES[part]} …")
        try:
            found[part] = _measure(part, install, settings, home, options)
        except HotlineError as error:
            found[part] = {"failed": f"{error.message} {error.mend}".strip()}
    found["seconds"] = round(time.monotonic() - began, 1)
    parts = _rows(found)
    is_whole, over = not _wrong(found), [row.figure for part in parts.values() for row in part if row.kept is False]
    if over:
        say(f"over budget: {'; '.join(over)}")
    if not is_whole:
        say(f"what ran is kept in {home}")
    else:
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(found, ensure_ascii=False) if options.json else _text(found, parts))
    return 0 if is_whole and not over else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be given again")
    parser.add_argument("--speech", type=Path, help="folder with recordings of people and manifest.tsv")
    parser.add_argument("--first-port", type=int, help="first of 2500 ports to use")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser.parse_args()


def _measure(
    part: str, install: AsteriskInstall, settings: Settings, home: Path, options: argparse.Namespace
) -> dict[str, Any]:
    if part == "asr":
        return asr.measure(settings, options.speech)
    measure = {"calls": calls.measure, "rush": rush.measure, "path": path.measure}
    return measure[part](install, home / part, free_block(options.first_port))


def _wrong(found: dict[str, Any]) -> list[str]:
    """Parts in which something was not measured, or is over a limit that fails."""
    wrong = [part for part in PARTS if "failed" in found.get(part, {})]
    if "path" in found and "path" not in wrong and found["path"]["problems"]:
        wrong.append("path")
    if (
        "rush" in found
        and "rush" not in wrong
        and (found["rush"]["problems"] or not found["rush"]["handover"]["is_within"])
    ):
        wrong.append("rush")
    return wrong


def _machine(install: AsteriskInstall) -> dict[str, Any]:
    cores = len(os.sched_getaffinity(0))
    return {
        "cores": cores,
        "processor": _processor(),
        "load_before": round(os.getloadavg()[0], 1),
        "asterisk": install.version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _rows(found: dict[str, Any]) -> dict[str, Sequence[Row]]:
    parts: dict[str, Sequence[Row]] = {}
    for part in PARTS:
        if part in found:
            failed = found[part].get("failed")
            parts[TITLES[part]] = [Row("not measured", "", "", failed)] if failed else ROWS[part](found[part])
    return parts


def _text(found: dict[str, Any], parts: dict[str, Sequence[Row]]) -> str:
    machine = found["machine"]
    head = (
        f"{machine['cores']} cores ({machine['processor']}), load {machine['load_before']} before, "
        f"Asterisk {machine['asterisk']}, Python {machine['python']}, {machine['system']}; {found['seconds']:.0f} s"
    )
    return f"{head}\n{table(parts)}"


if __name__ == "__main__":
    sys.exit(main())
