"""Asterisk for containers: `fetch` puts it into the image, `run` becomes it, `ready` says whether it is up."""

import argparse
import os
import sys

from core.errors import HotlineError, Unavailable
from core.secrets import load_secrets
from core.settings import Settings, load_settings
from ivr.pbx.get import find_asterisk
from ivr.pbx.process import Pbx
from ivr.pbx.render import render


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _run(settings: Settings) -> None:
    install = find_asterisk(settings.home, progress=_say)
    configuration = render(settings, load_secrets(settings.home), "hot", install)
    os.chdir(configuration.parent.parent)
    os.execv(install.argv[0], [*install.argv, "-C", str(configuration), "-f"])  # noqa: S606 - no shell is wanted


def _ready(settings: Settings) -> None:
    pbx = Pbx(find_asterisk(settings.home), settings, load_secrets(settings.home), "hot")
    if "fully booted" not in pbx.command("core waitfullybooted"):
        raise Unavailable("Asterisk is not ready", code="pbx_starting")


def main() -> int:
    """Give 0, or 1 with a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m ivr.pbx", description=__doc__)
    parser.add_argument("what", choices=("fetch", "run", "ready"))
    what = parser.parse_args().what
    try:
        settings = load_settings()
        if what == "fetch":
            _say(f"Asterisk {find_asterisk(settings.home, progress=_say).version}")
        else:
            (_run if what == "run" else _ready)(settings)
    except HotlineError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
