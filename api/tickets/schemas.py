"""Work orders as the API shows and takes them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.masking import Kind, Personal, Words, mask
from core.calendar import UtcDatetime


class SpanView(BaseModel):
    """Where in the dialogue a drafted value comes from: turn, characters, seconds."""

    model_config = ConfigDict(extra="ignore")

    turn: int
    start: int
    end: int
    start_s: float | None = None
    end_s: float | None = None
    text: Words = ""


class FieldView(BaseModel):
    """One drafted field: its value, how sure, why, and the words it came from."""

    value: Any = None
    score: float | None = None
    reason: str = ""
    spans: list[SpanView] = []
    edited_by: str | None = None

    def masked_as(self, kind: Kind) -> "FieldView":
        """With stars, as the kind of this field asks for; the words of a name are the name."""
        of_spans: Kind = "name" if kind == "name" else "words"
        spans = [span.model_copy(update={"text": mask(span.text, of_spans)}) for span in self.spans]
        return self.model_copy(update={"value": mask(self.value, kind), "spans": spans})


class TicketView(BaseModel):
    """One work order."""

    id: int
    number: str
    call_id: str | None
    source: str
    state: str
    category: str | None
    category_name: str | None
    place: Annotated[str | None, Personal("words")]
    contact: Annotated[str | None, Personal("number")]
    contact_name: Annotated[str | None, Personal("name")]
    happened: str | None
    summary: Annotated[str | None, Personal("words")]
    urgency: str | None
    department: str | None
    department_name: str | None
    fields: dict[str, FieldView]
    reopened: int
    solved: str | None
    score: int | None
    created_at: UtcDatetime
    updated_at: UtcDatetime
    version: int


class MoveView(BaseModel):
    """One line of a work order's story."""

    was: str
    now: str
    actor: str
    reason: Words
    at: UtcDatetime


class MoveWish(BaseModel):
    """The state that is wanted; `version` is the one the person was looking at."""

    to: str = Field(min_length=1, max_length=16)
    reason: str = Field(default="", max_length=300)
    version: int


class TicketChange(BaseModel):
    """New values of fields; null empties one. `version` is the one the person was looking at."""

    fields: dict[str, str | None] = Field(min_length=1, max_length=20)
    version: int
