"""The nuisance list: numbers that are held up for a time, except in emergencies."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.session import Needs, Person
from api.context import ContextDep
from api.nuisance.schemas import NuisanceEntry, NuisanceList, NuisanceWish
from api.nuisance.service import put_on, show_list, take_off
from core.calendar import utc_now

router = APIRouter(prefix="/nuisance", tags=["nuisance"])


@router.get("")
def list_nuisance(
    context: ContextDep,
    _person: Annotated[Person, Depends(Needs("nuisance.read"))],
    active: Annotated[bool, Query(description="Only entries that hold now")] = True,
) -> NuisanceList:
    """Who is held up, why, by whom and until when."""
    with context.database.reading() as session:
        return NuisanceList(items=show_list(session, utc_now(), only_active=active))


@router.post("", status_code=201)
def add_nuisance(
    context: ContextDep, person: Annotated[Person, Depends(Needs("nuisance.change"))], wish: NuisanceWish
) -> NuisanceEntry:
    """Hold a number up. Emergency numbers, and this hotline's own, are refused."""
    with context.database.session() as session:
        return put_on(session, context.settings, wish, actor=person.login, now=utc_now())


@router.delete("/{entry_id}")
def remove_nuisance(
    context: ContextDep, person: Annotated[Person, Depends(Needs("nuisance.change"))], entry_id: int
) -> NuisanceEntry:
    """Let a number in again; the entry stays on record."""
    with context.database.session() as session:
        return take_off(session, entry_id, actor=person.login, now=utc_now())
