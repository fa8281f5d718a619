"""The administrator's page of users. Everything that changes one leaves a line in the audit trail."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from api.auth import users
from api.auth.audit import write_audit
from api.auth.models import User
from api.auth.permissions import ROLES, Permission
from api.auth.session import Needs, Person
from api.context import Context, ContextDep
from core.calendar import UtcDatetime, utc_now

router = APIRouter(prefix="/users", tags=["users"])
Admin = Annotated[Person, Depends(Needs("users.manage"))]
Login = Annotated[str, Path(max_length=64)]


class UserView(BaseModel):
    """One person who may sign in; `by_provider` when an OIDC provider vouches for the person."""

    login: str
    display_name: str
    role: str
    seat: str | None
    department: str | None
    active: bool
    by_provider: bool
    created_at: UtcDatetime
    signed_in_at: UtcDatetime | None


class UsersView(BaseModel):
    """Everybody, and what there is to choose from."""

    items: list[UserView]
    roles: dict[str, list[Permission]]
    seats: list[str]


class NewUser(BaseModel):
    """A person to be added; without a password a random one is made."""

    login: str = Field(min_length=1, max_length=64)
    role: str = Field(max_length=16)
    display_name: str = Field(default="", max_length=64)
    seat: str | None = Field(default=None, max_length=16)
    department: str | None = Field(default=None, max_length=64)
    password: str | None = Field(default=None, max_length=200)


class UserChange(BaseModel):
    """What is to be different; what is left out stays."""

    display_name: str | None = Field(default=None, min_length=1, max_length=64)
    role: str | None = Field(default=None, max_length=16)
    seat: str | None = Field(default=None, max_length=16)
    department: str | None = Field(default=None, max_length=64)
    active: bool | None = None


class PasswordWish(BaseModel):
    """A new password; null: make a random one."""

    password: str | None = Field(default=None, max_length=200)


class UserWithPassword(BaseModel):
    """A user; `password` only when it was made at random, and only this once."""

    user: UserView
    password: str | None


def _view(user: User) -> UserView:
    return UserView.model_validate(user.model_dump() | {"by_provider": user.oidc_subject is not None})


def places_of(context: Context) -> users.Places:
    """Seats and departments of this city."""
    return users.Places(frozenset(context.settings.seats), frozenset(context.catalogue.departments))


@router.get("")
def everybody(context: ContextDep, _person: Admin) -> UsersView:
    """Everybody who may sign in, by login."""
    with context.database.reading() as session:
        found = [_view(user) for user in users.list_users(session)]
    return UsersView(
        items=found, roles={role: sorted(held) for role, held in ROLES.items()}, seats=list(context.settings.seats)
    )


@router.post("", status_code=201)
def add(given: NewUser, context: ContextDep, person: Admin) -> UserWithPassword:
    """Add a person."""
    made = None if given.password else users.new_password()
    now = utc_now()
    with context.database.session() as session:
        user = users.add_user(
            session,
            login=given.login.strip(),
            password=given.password or made or "",
            role=given.role,
            now=now,
            display_name=given.display_name.strip(),
            seat=given.seat or None,
            department=given.department or None,
            places=places_of(context),
        )
        detail = f"role {user.role}"
        write_audit(
            session, actor=person.login, action="user.add", subject=f"user:{user.login}", now=now, detail=detail
        )
        return UserWithPassword(user=_view(user), password=made)


@router.patch("/{login}")
def change(login: Login, change: UserChange, context: ContextDep, person: Admin) -> UserView:
    """Change a person; switching one off ends the open sessions at once."""
    wanted = change.model_dump(exclude_unset=True)
    for name in ("seat", "department"):
        if name in wanted:
            wanted[name] = wanted[name] or None
    wanted = {name: value for name, value in wanted.items() if value is not None or name in ("seat", "department")}
    now = utc_now()
    with context.database.session() as session:
        user = users.get_user(session, login)
        changed = users.change_user(session, user, wanted, places=places_of(context))
        for name in changed:
            detail = name if name == "display_name" else f"{name}: {getattr(user, name)}"
            write_audit(
                session, actor=person.login, action="user.change", subject=f"user:{login}", now=now, detail=detail
            )
        return _view(user)


@router.post("/{login}/password")
def give_password(login: Login, wish: PasswordWish, context: ContextDep, person: Admin) -> UserWithPassword:
    """Give a new password; ends the person's open sessions at once."""
    made = None if wish.password else users.new_password()
    with context.database.session() as session:
        user = users.get_user(session, login)
        users.set_password(session, user, wish.password or made or "")
        write_audit(session, actor=person.login, action="user.password", subject=f"user:{user.login}", now=utc_now())
        return UserWithPassword(user=_view(user), password=made)


@router.delete("/{login}/sessions", status_code=204)
def sign_out_everywhere(login: Login, context: ContextDep, person: Admin) -> None:
    """End all open sessions of a person."""
    with context.database.session() as session:
        user = users.get_user(session, login)
        users.end_sessions(session, user)
        write_audit(session, actor=person.login, action="user.sessions", subject=f"user:{user.login}", now=utc_now())
