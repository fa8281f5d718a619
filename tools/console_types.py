"""Write the console's types from the API's OpenAPI document; with --check only say whether they are current.

Use: python tools/console_types.py [--check]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from build_console import CONSOLE, install, npm, say  # noqa: E402

from api.app import create_app  # noqa: E402 - the project need not be installed for this
from core.db import Database  # noqa: E402
from core.secrets import Secrets  # noqa: E402
from core.settings import Settings  # noqa: E402

TYPES = CONSOLE / "src" / "api" / "schema.d.ts"


def openapi_document() -> str:
    """The document as the web process would serve it, without the version, which differs by installation."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        database = Database(settings.database)
        try:
            document = create_app(settings, database, Secrets()).openapi()
        finally:
            database.close()
    document["info"]["version"] = ""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)


def make_types() -> str:
    """TypeScript for every schema of the document."""
    install()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "schema.d.ts"
        source.write_text(openapi_document())
        npm("run", "types", "--silent", "--", str(source), "-o", str(target), quiet=True)
        return target.read_text()


def main() -> None:
    """Parse the command line and run; exits 1 when --check finds old types."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when the types are old")
    check = parser.parse_args().check
    made = make_types()
    if TYPES.is_file() and TYPES.read_text() == made:
        say("types are current")
    elif check:
        say("types are old: run `python tools/console_types.py`")
        raise SystemExit(1)
    else:
        TYPES.write_text(made)
        say(f"wrote {TYPES.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
