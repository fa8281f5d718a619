"""Bring an official speech model here: over the network with resume, or from a file that somebody carried."""

import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from core.errors import BadInput, Unavailable
from core.settings import Settings
from recording.audio import sha256_of
from recording.transcription.model_store import OFFICIAL, ModelInfo, missing_parts, models_folder

SOURCE = "https://alphacephei.com/vosk/models"
_BLOCK = 1 << 20
_TIMEOUT_S = 30
_LARGEST_BYTES = 16 * 1024**3
Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 when the server does not say)."""


def pull(
    settings: Settings,
    name: str,
    *,
    source: str = SOURCE,
    sha256: str = "",
    progress: Progress | None = None,
) -> ModelInfo:
    """Install an official model under home/models; what is already whole is left alone.

    `source` is the address of a folder that holds `<name>.zip`, or a local zip file. The makers publish no SHA-256:
    the first one seen is kept next to the model (`<name>.sha256`) and every later file must have the same; give
    `sha256` to insist on one from the start. Unavailable says how to bring the file by hand; BadInput for an unknown
    name or a wrong checksum.
    """
    if name not in {model.name for model in OFFICIAL}:
        known = ", ".join(model.name for model in OFFICIAL)
        raise BadInput(f"{name} is not an official model", code="model_unknown", mend=f"known: {known}")
    folder = models_folder(settings)
    target = folder / name
    if not missing_parts(target):
        return ModelInfo(name, target)
    folder.mkdir(parents=True, exist_ok=True)
    if "://" in source:
        archive = folder / f".{name}.zip.part"
        _download(f"{source.rstrip('/')}/{name}.zip", archive, settings, name, progress)
    else:
        archive = Path(source).expanduser()
        if not archive.is_file():
            raise BadInput("there is no such file", code="model_file_missing", where=str(archive))
    try:
        _verify(archive, folder / f"{name}.sha256", sha256)
        _unpack(archive, target)
    except BadInput:
        if "://" in source:
            archive.unlink(missing_ok=True)  # a wrong file must not be resumed
        raise
    if "://" in source:
        archive.unlink(missing_ok=True)
    return ModelInfo(name, target)


def _download(address: str, part: Path, settings: Settings, name: str, progress: Progress | None) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    if not address.startswith(("https://", "http://")):
        raise BadInput("only http and https", code="model_source_wrong", where=address)
    by_hand = (
        f"fetch {name}.zip on a machine that can and run: hotline models pull {name} --from FILE, "
        f"or unpack it as {models_folder(settings) / name}"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - scheme checked above
            resumed = answer.status == 206
            done = have if resumed else 0
            total = done + int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if resumed else "wb") as file:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    done += len(block)
                    if progress:
                        progress(done, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # everything is here already
            return
        raise Unavailable(f"the source answers {error.code}", code="model_source_refuses", mend=by_hand) from error
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("the source of the model cannot be reached", code="model_offline", mend=by_hand) from error
    if total > done:
        raise Unavailable("the transfer broke off; run it again to go on", code="model_offline", mend=by_hand)


def _verify(archive: Path, pinned: Path, wanted: str) -> None:
    found = sha256_of(archive)
    expected = wanted.lower().strip() or (pinned.read_text().strip() if pinned.exists() else "")
    if expected and found != expected:
        raise BadInput(
            f"the file's SHA-256 is {found}, not {expected}",
            code="model_checksum",
            where=str(archive),
            mend="fetch it again from a source you trust",
        )
    pinned.write_text(found + "\n")


def _unpack(archive: Path, target: Path) -> None:
    """Unpack next to the target and rename, so that a half unpacked model is never found."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as temporary:
        room = Path(temporary)
        try:
            with zipfile.ZipFile(archive) as file:
                _refuse_strange(file, archive)
                file.extractall(room)
        except zipfile.BadZipFile as error:
            raise BadInput("not a zip file", code="model_file_wrong", where=str(archive)) from error
        inner = room / target.name
        if lacking := missing_parts(inner):
            raise BadInput(
                f"the file holds no whole {target.name}: no {lacking[0]}", code="model_file_wrong", where=str(archive)
            )
        shutil.rmtree(target, ignore_errors=True)
        inner.rename(target)


def _refuse_strange(file: zipfile.ZipFile, archive: Path) -> None:
    strange = [name for name in file.namelist() if name.startswith(("/", "\\")) or ".." in Path(name).parts]
    if strange or sum(entry.file_size for entry in file.infolist()) > _LARGEST_BYTES:
        raise BadInput("the file is not a model's archive", code="model_file_wrong", where=str(archive))
