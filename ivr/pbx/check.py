"""What `hotline check` says about Asterisk: the program, its configuration and its ports."""

import shutil
from collections.abc import Sequence

from core.errors import Finding, HotlineError
from core.secrets import Secrets
from core.settings import Settings
from ivr.pbx.get import AsteriskInstall, known_asterisk
from ivr.pbx.modules import Role
from ivr.pbx.process import Pbx, busy_ports
from ivr.pbx.render import rehearse


def findings(settings: Settings, secrets: Secrets, roles: Sequence[Role] = ("hot",)) -> list[Finding]:
    """Looks only: fetches nothing, starts nothing and changes no file under home. `sim` is the simulated city's."""
    found: list[Finding] = []
    try:
        install = known_asterisk(settings.home)
        found.append(_program(install))
    except HotlineError as error:
        install = None
        found.append(Finding("asterisk", ok=False, message=error.message, mend=error.mend))
    for role in roles:
        running = install is not None and Pbx(install, settings, secrets, role).pid is not None
        if install is not None:
            found.append(_configuration(settings, secrets, role, install))
        found += _ports(settings, role, running)
    return found


def _program(install: AsteriskInstall | None) -> Finding:
    if install is not None:
        kind = "private copy" if install.private else "installed"
        return Finding("asterisk", ok=True, message=f"version {install.version}, {kind}")
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        message = f"there is no Asterisk here, and no {missing[0]} to fetch one"
        return Finding("asterisk", ok=False, message=message, mend="install Asterisk 20 or newer")
    return Finding("asterisk", ok=True, message="not here yet; it is fetched at the first start (about 80 MB)")


def _configuration(settings: Settings, secrets: Secrets, role: Role, install: AsteriskInstall) -> Finding:
    try:
        rehearse(settings, secrets, role, install)
    except HotlineError as error:
        where = f"{error.where}: " if error.where else ""
        return Finding(f"asterisk {role}", ok=False, message=where + error.message, mend=error.mend)
    return Finding(f"asterisk {role}", ok=True, message="its configuration can be written and read back")


def _ports(settings: Settings, role: Role, running: bool) -> list[Finding]:
    if running:
        return [Finding(f"asterisk {role} ports", ok=True, message="it runs")]
    busy = busy_ports(settings, role)
    if not busy:
        return [Finding(f"asterisk {role} ports", ok=True, message="free")]
    return [
        Finding(
            setting,
            ok=False,
            message=f"port {port} is in use",
            mend=f"stop what listens there, or set HOTLINE_{setting.upper()} to a free port",
        )
        for setting, port in busy
    ]
