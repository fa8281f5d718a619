"""From a dialogue to a draft work order: every value with the words it came from, blank when unsure. Pure."""

from tickets.drafting.draft import Draft, DraftField, draft
from tickets.drafting.talk import Span

__all__ = ["Draft", "DraftField", "Span", "draft"]
