"""Write docs/access.md, the table of routes and roles, from the application's routes.

Use: python tools/access_table.py
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from api.app import create_app  # noqa: E402 - the project need not be installed for this
from api.auth.access import document  # noqa: E402
from core.db import Database  # noqa: E402
from core.secrets import Secrets  # noqa: E402
from core.settings import Settings  # noqa: E402


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        database = Database(settings.database)
        try:
            text = document(create_app(settings, database, Secrets()))
        finally:
            database.close()
    (ROOT / "docs" / "access.md").write_text(text)


if __name__ == "__main__":
    main()
