"""Databases for integration tests: SQLite, and a real PostgreSQL started from the distribution's package."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api import migrate
from core.db import Database

_numbers = itertools.count(1)


class PostgresServer:
    """A private server on a unix socket; never as root, because it refuses to be."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            pytest.fail("PostgreSQL is missing: apt-get install postgresql (tests/integration needs initdb)")
        self._bin = found[-1].parent
        self._as: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if _is_root() else {}
        self._folder = Path(tempfile.mkdtemp(prefix="hotline-pg-", dir="/tmp"))
        if self._as:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run("initdb", "-D", f"{self._folder}/data", "-U", "hotline", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._settings = "-c listen_addresses='' -c fsync=off -c max_connections=60"
        self.start()
        self.run_sql("CREATE DATABASE migrated")
        migrate.upgrade(self.url("migrated"))

    def start(self) -> None:
        """Start it, for the first time or after `kill`; returns when it answers."""
        self._run(
            "pg_ctl", "-D", f"{self._folder}/data", "-w", "-l", f"{self._folder}/log", "start",
            "-o", f"-k {self._folder} {self._settings}",
        )  # fmt: skip

    def signal_all(self, number: signal.Signals) -> None:
        """A signal to every process of the server, the first one first."""
        first = int(Path(f"{self._folder}/data/postmaster.pid").read_text().split()[0])
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, others)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it as a power cut would; returns when nobody answers."""
        self.signal_all(signal.SIGKILL)
        while True:
            try:
                self.run_sql("SELECT 1")
            except psycopg.OperationalError:
                return

    def url(self, name: str) -> str:
        """URL of one database."""
        return f"postgresql+psycopg://hotline@/{name}?host={self._folder}"

    def new_database(self) -> str:
        """URL of a fresh database with all tables."""
        name = f"test_{next(_numbers)}"
        self.run_sql(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self.url(name)

    def run_sql(self, text: str) -> None:
        """One statement outside a transaction."""
        with psycopg.connect(host=str(self._folder), user="hotline", dbname="postgres", autocommit=True) as link:
            link.execute(text.encode())

    def stop(self) -> None:
        """End the server and remove its files."""
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), *words]
        # Output to a file: the server inherits it, and a pipe would never close.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                command, stdout=output, stderr=output, cwd="/", env={"LC_ALL": "C.UTF-8"}, check=False, **self._as
            )
            output.seek(0)
            if done.returncode:
                pytest.fail(f"{program} failed: {output.read().decode(errors='replace')[-1000:]}")


def _is_root() -> bool:
    return os.geteuid() == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The one PostgreSQL of this test run."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, copied for each test."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh SQLite database with all tables."""
    file = tmp_path / "hotline.sqlite"
    shutil.copy(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh database with all tables: each test runs on both kinds."""
    if request.param == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    else:
        url = request.getfixturevalue("postgres").new_database()
    made = Database(url)
    yield made
    made.close()
