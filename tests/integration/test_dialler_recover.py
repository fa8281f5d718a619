"""What becomes of attempts that were under way when the process died or the link broke."""

from collections.abc import Mapping
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from core.calendar import utc_now
from core.db import Database
from ivr.agi.session import AgiSession
from ivr.agi.telephone import Telephone
from ivr.ami.client import AmiClient
from ivr.dialler.models import OutboundAttempt
from ivr.dialler.outbound import OutboundCall
from ivr.dialler.requests import claim, request_attempt
from ivr.dialler.service import Dialler
from tests.waiting import eventually

pytestmark = pytest.mark.integration


class NoLink:
    """An AMI client without a link: nothing is dialled."""

    connected = False


def dialling(database: Database, id: str, answers: Mapping[str, Any] | None = None) -> None:
    with database.session() as session:
        request_attempt(
            session, id=id, purpose="trial", subject=id, number="13900000001", flow="survey", values={}, n=1,
            now=utc_now(),
        )  # fmt: skip
        assert claim(session, id, utc_now())
        session.get_one(OutboundAttempt, id).answers = dict(answers or {})


def outcome(database: Database, id: str) -> str | None:
    with database.reading() as session:
        return session.get_one(OutboundAttempt, id).outcome


async def test_an_attempt_without_a_channel_is_lost_but_keeps_its_answers(database: Database) -> None:
    dialler = Dialler(database, cast(AmiClient, NoLink()), lines=2, ring_s=5)
    dialling(database, "silent")
    dialling(database, "spoken", {"solved": "yes"})
    await dialler.recover(set())
    assert (outcome(database, "silent"), outcome(database, "spoken")) == ("lost", "answered")


async def test_an_answer_that_the_database_did_not_take_is_stored_with_the_result(database: Database) -> None:
    class Away:
        async def in_thread(self, work: object) -> None:
            raise OperationalError("UPDATE", {}, Exception("gone"))

    class Phone:
        listening = None
        node = "hot"
        means = write = now = None
        max_call_s = 60

    dialler = Dialler(database, cast(AmiClient, NoLink()), lines=2, ring_s=5)
    dialling(database, "asked", {"solved": "yes"})
    call = OutboundCall(
        cast(AgiSession, None), "asked", cast(Telephone, Phone()), cast(Database, Away()), dialler.unstored
    )
    call.answers = {"solved": "yes"}
    await call.keep("satisfied", "4")
    await dialler.recover(set())
    with database.reading() as session:
        attempt = session.get_one(OutboundAttempt, "asked")
    assert (attempt.outcome, attempt.answers) == ("answered", {"solved": "yes", "satisfied": "4"})
    assert dialler.unstored == {}


async def test_an_attempt_whose_channel_is_up_ends_with_it(database: Database) -> None:
    dialler = Dialler(database, cast(AmiClient, NoLink()), lines=2, ring_s=5)
    dialling(database, "live", {"solved": "no"})
    await dialler.recover({"live"})
    await dialler.recover({"live"})
    assert (dialler.under_way, outcome(database, "live")) == (1, None)
    dialler.channel_gone("live")
    await eventually(lambda: outcome(database, "live") == "answered", "its end is not stored")
    await eventually(lambda: not dialler.under_way, "its line is still held")
