"""The city's catalogue as the pages need it: what a work order may be about, and who may be asked to do it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.auth.session import Needs, Person
from api.context import ContextDep

router = APIRouter(prefix="/catalogue", tags=["tickets"])


class CategoryView(BaseModel):
    """One kind of matter; `department` is who is asked when nobody chooses otherwise."""

    id: str
    name: str
    department: str


class DepartmentView(BaseModel):
    """One department that work orders are dispatched to."""

    id: str
    name: str


class CatalogueView(BaseModel):
    """What there is to choose from, in the order of the city's file."""

    city: str
    categories: list[CategoryView]
    departments: list[DepartmentView]


@router.get("")
def catalogue(context: ContextDep, _person: Annotated[Person, Depends(Needs("tickets.read"))]) -> CatalogueView:
    """Categories and departments with their names."""
    known = context.catalogue
    return CatalogueView(
        city=known.city,
        categories=[CategoryView(id=one.id, name=one.name, department=one.department) for one in known.categories],
        departments=[DepartmentView(id=id_, name=name) for id_, name in known.departments.items()],
    )
