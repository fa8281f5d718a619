"""From a person that the provider vouches for to a user of ours: made at the first sign-in, kept in step afterwards."""

from datetime import datetime

from sqlmodel import Session, select

from api.auth import users
from api.auth.models import User
from api.auth.oidc import Vouched
from core.errors import Forbidden, Refused


def user_of(session: Session, person: Vouched, *, adopt_local: bool, places: users.Places, now: datetime) -> User:
    """The user of this person; role and name are as the provider says now.

    Forbidden `user_off` when we switched the user off; Refused `oidc_login_taken` when a local user has the login.
    """
    user = session.exec(select(User).where(User.oidc_subject == person.subject)).first()
    if user is None:
        local = session.exec(select(User).where(User.login == person.login)).first()
        if local is not None and (not adopt_local or local.oidc_subject is not None):
            raise Refused("已有同名的本地账号", code="oidc_login_taken")
        user = local
    if user is None:
        return users.add_user(
            session,
            login=person.login,
            password=users.new_password() * 2,  # nobody knows it: this person signs in at the provider
            role=person.role,
            now=now,
            display_name=person.display_name,
            seat=person.seat,
            department=person.department,
            places=places,
            oidc_subject=person.subject,
        )
    if not user.active:
        raise Forbidden("这个账号已停用", code="user_off")
    user.oidc_subject = person.subject
    wanted = {"role": person.role, "display_name": person.display_name}
    wanted |= {name: value for name in ("seat", "department") if (value := getattr(person, name))}
    users.change_user(session, user, wanted, places=places)
    return user
