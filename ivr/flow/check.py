"""What `hotline check` says about the flow files."""

from core.errors import BadInput, Finding
from core.settings import Settings
from ivr.flow.checker import Known, check_flow
from ivr.flow.loader import LoadedFlow, load_flow, suggestion

SURVEY = "survey"  # the flow of the satisfaction call-back


def findings(settings: Settings, known: Known) -> list[Finding]:
    """Every flow file with what is wrong in it; one line says so when nothing is."""
    files = sorted(settings.flows_dir.glob("*.yaml"))
    found: list[Finding] = []
    for file in files:
        try:
            loaded = load_flow(file)
            wrong = [*misnamed(loaded), *check_flow(loaded, known)]
        except BadInput as error:
            wrong = [Finding(error.where or str(file), ok=False, message=error.message, mend=error.mend)]
        found += wrong or [Finding(f"flow {file.stem}", ok=True, message="can be published")]
    names = [file.stem for file in files]
    for wanted in dict.fromkeys((settings.flow, SURVEY)):
        if wanted not in names:
            mend = suggestion(wanted, names) if names else "copy the flows that come with Hotline"
            found.append(Finding(str(settings.flows_dir), ok=False, message=f"there is no flow {wanted!r}", mend=mend))
    return found


def misnamed(loaded: LoadedFlow) -> list[Finding]:
    """A flow is called like its file."""
    if loaded.file.stem == loaded.flow.flow:
        return []
    message = f"flow {loaded.flow.flow!r} in {loaded.file.name}"
    return [Finding(loaded.where("flow"), ok=False, message=message, mend="name both alike")]
