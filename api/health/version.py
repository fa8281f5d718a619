"""The version of the program."""

from importlib import metadata


def version() -> str:
    """The installed version; `0+source` when it runs from a folder that was never installed."""
    try:
        return metadata.version("hotline")
    except metadata.PackageNotFoundError:
        return "0+source"
