"""What `hotline check` says about the flow files."""

from collections.abc import Collection

from core.errors import BadInput, Finding
from core.settings import Settings
from ivr.flow.checker import check_flow
from ivr.flow.loader import load_flow, suggestion

SURVEY = "survey"  # the flow of the satisfaction call-back


def findings(settings: Settings, prompt_names: Collection[str]) -> list[Finding]:
    """Every flow file with what is wrong in it; one line says so when nothing is."""
    files = sorted(settings.flows_dir.glob("*.yaml"))
    found: list[Finding] = []
    for file in files:
        try:
            wrong = check_flow(load_flow(file), prompt_names)
        except BadInput as error:
            wrong = [Finding(error.where or str(file), ok=False, message=error.message, mend=error.mend)]
        found += wrong or [Finding(f"flow {file.stem}", ok=True, message="can be published")]
    names = [file.stem for file in files]
    for wanted in dict.fromkeys((settings.flow, SURVEY)):
        if wanted not in names:
            mend = suggestion(wanted, names) if names else "copy the flows that come with Hotline"
            found.append(Finding(str(settings.flows_dir), ok=False, message=f"there is no flow {wanted!r}", mend=mend))
    return found
