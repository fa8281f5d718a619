#!/bin/sh
# Sets up all that `make demo` (argument: demo) or `make test` (argument: test) needs on a fresh Debian or Ubuntu machine.
# Speaks on stderr only, so that a command's JSON stays alone on stdout. Running it again costs a second.
set -eu
cd "$(dirname "$0")/.."
what=${1:-demo}
exec 1>&2
export UV_SYSTEM_CERTS=1 # behind a city's own certificate authority uv trusts what the machine trusts

say() { printf '[setup] %s\n' "$*"; }
die() { printf '[setup] %s\n' "$*"; exit 1; }

install_packages() {
    [ $# -eq 0 ] && return 0
    command -v apt-get >/dev/null || die "these are missing and apt-get is not here to install them: $*"
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run as root, or install these first: apt-get install $*"
        as_root=sudo
    fi
    say "installing system packages: $*"
    $as_root apt-get -qq update || say "apt-get update failed; going on with the lists that are here"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null \
        || die "apt-get could not install: $*"
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

missing=""
python=$(find_python) || { install_packages python3; python=$(find_python) || die "Python 3.11, 3.12 or 3.13 is needed"; }
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
[ -f /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
if [ "$what" = test ]; then
    command -v chromium >/dev/null || missing="$missing chromium"
    [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || missing="$missing postgresql"
    [ -d /usr/share/fonts/opentype/noto ] || missing="$missing fonts-noto-cjk"
    command -v git >/dev/null || missing="$missing git"
fi
# shellcheck disable=SC2086 # a list of package names
install_packages $missing

wanted=$(cat requirements.lock requirements-uv.lock pyproject.toml | sha256sum | cut -c1-64)
if [ "$(cat .venv/.hotline-setup 2>/dev/null)" != "$wanted" ]; then
    say "Python packages ($("$python" --version)) into .venv"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
    .venv/bin/uv pip sync -q --python .venv/bin/python --require-hashes requirements.lock
    .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
    printf '%s' "$wanted" > .venv/.hotline-setup
fi
.venv/bin/python tools/build_console.py
say "ready"
