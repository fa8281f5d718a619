"""An official model is fetched with resume, checked, and never found half installed."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from core.settings import Settings
from recording.transcription.model_pull import pull
from recording.transcription.model_store import missing_parts

pytestmark = pytest.mark.integration

NAME = "vosk-model-small-cn-0.22"


def archive(*, root: str = NAME, extra: str = "") -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as file:
        for part in ("am/final.mdl", "conf/model.conf", "graph/Gr.fst"):
            file.writestr(f"{root}/{part}", b"x" * 5000)
        if extra:
            file.writestr(extra, b"x")
    return raw.getvalue()


class Source(ThreadingHTTPServer):
    """Serves one archive; breaks off after `cut` bytes when told to."""

    content = archive()
    cut = 0
    ranges: list[str | None]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        wish = self.headers.get("Range")
        self.server.ranges.append(wish)
        start = int(wish.removeprefix("bytes=").removesuffix("-")) if wish else 0
        if self.path != f"/{NAME}.zip":
            self.send_error(404)
            return
        body = self.server.content[start:]
        self.send_response(206 if wish else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut] if self.server.cut else body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source(("127.0.0.1", 0), Answer)
    server.ranges = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, model=NAME)


def test_a_model_is_fetched_and_installed_once(settings: Settings, source: Source) -> None:
    seen: list[tuple[int, int]] = []
    info = pull(settings, NAME, source=source.address, progress=lambda done, total: seen.append((done, total)))
    assert missing_parts(info.path) == []
    assert seen[-1] == (len(source.content), len(source.content))
    pull(settings, NAME, source=source.address)
    assert source.ranges == [None]
    assert sorted(path.name for path in info.path.parent.iterdir()) == [NAME, f"{NAME}.sha256"]


def test_a_broken_transfer_is_resumed(settings: Settings, source: Source) -> None:
    source.cut = 1000
    with pytest.raises(Unavailable) as caught:
        pull(settings, NAME, source=source.address)
    assert "--from" in caught.value.mend
    source.cut = 0
    pull(settings, NAME, source=source.address)
    assert source.ranges == [None, "bytes=1000-"]


def test_a_wrong_checksum_is_refused_and_not_resumed(settings: Settings, source: Source) -> None:
    with pytest.raises(BadInput, match="SHA-256"):
        pull(settings, NAME, source=source.address, sha256="0" * 64)
    assert not (settings.home / "models" / NAME).exists()
    pull(settings, NAME, source=source.address, sha256=hashlib.sha256(source.content).hexdigest())
    assert source.ranges == [None, None]


def test_no_network_says_how_to_bring_it_by_hand(settings: Settings, source: Source) -> None:
    with pytest.raises(Unavailable) as caught:
        pull(settings, NAME, source=f"{source.address}/elsewhere")
    assert f"{NAME}.zip" in caught.value.mend
    assert str(settings.home / "models" / NAME) in caught.value.mend


def test_a_file_that_was_carried_here(settings: Settings, tmp_path: Path) -> None:
    carried = tmp_path / "carried.zip"
    carried.write_bytes(archive())
    pull(settings, NAME, source=str(carried))
    assert carried.exists()


@pytest.mark.parametrize(
    "content", [b"no zip", archive(root="other"), archive(extra="../evil"), archive(extra="/etc/evil")]
)
def test_a_strange_file_is_refused_and_leaves_nothing(settings: Settings, tmp_path: Path, content: bytes) -> None:
    carried = tmp_path / "carried.zip"
    carried.write_bytes(content)
    with pytest.raises(BadInput):
        pull(settings, NAME, source=str(carried))
    assert [path.name for path in (settings.home / "models").iterdir() if path.is_dir()] == []


def test_only_official_names_are_pulled(settings: Settings) -> None:
    with pytest.raises(BadInput, match="not an official model"):
        pull(settings, "../../etc")
