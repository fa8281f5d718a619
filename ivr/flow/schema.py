"""The language of flows: what a flow file may say, as types. Knows no telephone and no file."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ivr.flow.actions import (
    PROGRESS_FOUND,
    PROGRESS_NONE,
    Enqueue,
    HangUp,
    Load,
    LookUp,
    Progress,
    Say,
    SetLanguage,
    Switch,
    TransferOut,
)
from ivr.flow.parts import KEYS, SORRY, Branch, Name, Question, StepModel
from ivr.flow.questions import AskByVoice, AskDigits, LeaveMessage, Menu, OfferCallBack, Rate

__all__ = [
    "KEYS", "PROGRESS_FOUND", "PROGRESS_NONE", "SORRY", "STEP_TYPES", "AskByVoice", "AskDigits", "Branch", "Enqueue",
    "Flow", "HangUp", "LeaveMessage", "Load", "LookUp", "Menu", "OfferCallBack", "Progress", "Question", "Rate", "Say",
    "SetLanguage", "Step", "StepModel", "Switch", "TransferOut",
]  # fmt: skip

Step = Annotated[
    Say
    | Menu
    | AskDigits
    | AskByVoice
    | LookUp
    | Progress
    | Enqueue
    | OfferCallBack
    | LeaveMessage
    | TransferOut
    | Switch
    | SetLanguage
    | Rate
    | HangUp,
    Field(discriminator="do"),
]
STEP_TYPES: dict[str, type[StepModel]] = {
    "say": Say,
    "menu": Menu,
    "ask_digits": AskDigits,
    "ask_by_voice": AskByVoice,
    "look_up": LookUp,
    "progress": Progress,
    "enqueue": Enqueue,
    "offer_call_back": OfferCallBack,
    "leave_message": LeaveMessage,
    "transfer_out": TransferOut,
    "switch": Switch,
    "set_language": SetLanguage,
    "rate": Rate,
    "hang_up": HangUp,
}


class Flow(BaseModel):
    """A whole flow; `version` is given by the loader from the file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: Name
    kind: Literal["inbound", "outbound", "call_back"] = "inbound"  # call_back: we ring, and have a human for it
    start: Name
    budget_s: float | None = Field(default=None, gt=0, le=600)  # longest way to a human; None: the city's
    steps: dict[Name, Step] = Field(min_length=1, max_length=300)
    version: str = ""

    @property
    def name(self) -> str:
        """The flow's name, which the file writes as `flow:`."""
        return self.flow
