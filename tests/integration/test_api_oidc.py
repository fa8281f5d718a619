"""Signing in at the city's identity provider: the whole way, and every way in which it must not work."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlmodel import select

from api.auth.models import AuditLine, User
from core.db import Database
from core.errors import BadInput
from core.settings import Settings, load_settings
from tests.integration.oidc_city import CLIENT, SECRET, CityProvider
from tests.integration.web import World

pytestmark = pytest.mark.integration
HOTLINE = "http://hotline.test"
ROLES = {"admins": "admin", "seats": "agent", "units": "department"}


@pytest.fixture
def city() -> Iterator[CityProvider]:
    provider = CityProvider()
    provider.start()
    yield provider
    provider.stop()


def world_with(city: CityProvider, sqlite_url: str, home: Path, **more: Any) -> World:
    settings = Settings(
        home=home, control_port=27001, web_port=27010, public_url=HOTLINE, oidc_issuer=city.issuer,
        oidc_client_id=CLIENT, oidc_client_secret=SecretStr(SECRET), oidc_roles=ROLES,
        oidc_department_claim="unit.id", oidc_name="市统一认证", **more,
    )  # fmt: skip
    return World(Database(sqlite_url), home, settings=settings)


@pytest.fixture
def world(city: CityProvider, sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = world_with(city, sqlite_url, tmp_path)
    yield made
    made.database.close()


async def to_provider(client: httpx.AsyncClient, to: str = "/") -> str:
    """Leave for the provider, agree there, and give the address that the provider sends back to."""
    away = await client.get("/api/session/oidc", params={"to": to})
    assert away.status_code == 302, away.text
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = await browser.get(away.headers["location"])
    return back.headers["location"]


async def come_back(client: httpx.AsyncClient, address: str) -> dict[str, str]:
    """Follow the provider's answer; gives what the sign-in page is told."""
    assert address.startswith(f"{HOTLINE}/api/session/oidc/callback?")
    reply = await client.get(address)
    assert reply.status_code == 302
    place = urlsplit(reply.headers["location"])
    assert (place.netloc, place.path) == ("", "/sign-in")
    return {name: values[0] for name, values in parse_qs(place.query).items()}


def users(world: World) -> dict[str, User]:
    with world.database.reading() as session:
        return {user.login: user for user in session.exec(select(User)).all()}


async def test_a_person_of_the_city_signs_in_and_is_known_the_next_time(world: World, city: CityProvider) -> None:
    async with world.client() as client:
        assert (await client.get("/api/session/ways")).json() == {"password": True, "oidc": "市统一认证"}
        assert await come_back(client, await to_provider(client, "/tickets")) == {"welcome": "1", "to": "/tickets"}
        user = (await client.get("/api/session")).json()["user"]
        assert (user["login"], user["display_name"], user["role"]) == ("li-na", "李娜", "agent")
        assert "hotline_oidc" not in client.cookies
    city.claims |= {"roles": ["units"], "unit": {"id": "heating_office"}, "name": "李娜娜", "preferred_username": "new"}
    async with world.client() as client:
        await come_back(client, await to_provider(client))
        user = (await client.get("/api/session")).json()["user"]
        assert (user["login"], user["display_name"]) == ("li-na", "李娜娜")
        assert (user["role"], user["department"]) == ("department", "heating_office")
    assert len([one for one in users(world).values() if one.oidc_subject]) == 1
    with world.database.reading() as session:
        opened = session.exec(select(AuditLine).where(AuditLine.action == "session.open")).all()
    assert [(line.actor, line.detail) for line in opened] == [("li-na", "oidc")] * 2


async def test_the_browser_keeps_what_proves_that_it_began(world: World) -> None:
    async with world.client() as client:
        away = await client.get("/api/session/oidc")
        cookie = away.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        asked = parse_qs(urlsplit(away.headers["location"]).query)
        assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
        assert len(asked["state"][0]) >= 40
        assert len(asked["nonce"][0]) >= 40
        assert "code_verifier" not in asked


async def test_an_answer_for_another_browser_is_refused(world: World) -> None:
    async with world.client() as mine, world.client() as theirs:
        address = await to_provider(mine)
        assert await come_back(theirs, address) == {"problem": "oidc_state"}  # no cookie
        await to_provider(theirs)
        assert await come_back(theirs, address) == {"problem": "oidc_state"}  # another state
        assert (await theirs.get("/api/session")).status_code == 401
        assert (await come_back(mine, address))["welcome"] == "1"
        assert await come_back(mine, address) == {"problem": "oidc_state"}  # not a second time


def spoiled() -> dict[str, dict[str, Any]]:
    past = int(time.time()) - 3600
    return {
        "nonce": {"nonce": "of another sign-in"},
        "issuer": {"iss": "https://elsewhere"},
        "audience": {"aud": "another program"},
        "two audiences": {"aud": [CLIENT, "another program"]},
        "expired": {"exp": past},
        "from the future": {"iat": past + 7200},
    }


@pytest.mark.parametrize("what", spoiled())
async def test_a_token_that_is_wrong_opens_nothing(world: World, city: CityProvider, what: str) -> None:
    city.spoil = spoiled()[what]
    async with world.client() as client:
        assert await come_back(client, await to_provider(client)) == {"problem": "oidc_token"}
        assert (await client.get("/api/session")).status_code == 401
    assert "li-na" not in users(world)
    with world.database.reading() as session:
        line = session.exec(select(AuditLine)).one()
    assert (line.action, line.detail) == ("session.refused", "oidc_token")


async def test_a_foreign_signature_is_refused_and_new_keys_are_taken_up(world: World, city: CityProvider) -> None:
    async with world.client() as client:
        await come_back(client, await to_provider(client))
    city.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    async with world.client() as client:
        assert await come_back(client, await to_provider(client)) == {"problem": "oidc_token"}
        city.published = city.key  # the provider changed its key, and says so
        assert (await come_back(client, await to_provider(client)))["welcome"] == "1"


async def test_who_has_no_role_here_or_said_no_stays_outside(world: World, city: CityProvider) -> None:
    async with world.client() as client:
        city.refuse = True
        assert await come_back(client, await to_provider(client)) == {"problem": "oidc_refused"}
        city.refuse = False
        city.claims["roles"] = ["cooks"]
        assert await come_back(client, await to_provider(client)) == {"problem": "oidc_no_role"}
        city.claims["roles"] = ["units"]  # a department's person of no department
        assert await come_back(client, await to_provider(client)) == {"problem": "user_department_missing"}
        assert (await client.get("/api/session")).status_code == 401


async def test_a_user_who_was_switched_off_stays_out(world: World) -> None:
    async with world.client() as client, world.signed_in() as root:
        await come_back(client, await to_provider(client))
        await root.patch("/api/users/li-na", json={"active": False})
        assert (await client.get("/api/session")).status_code == 401
        assert await come_back(client, await to_provider(client)) == {"problem": "user_off"}


async def test_a_local_user_is_adopted_only_when_the_setting_says_so(
    world: World, city: CityProvider, tmp_path: Path
) -> None:
    city.claims["preferred_username"] = "zhang"
    async with world.client() as client:
        assert await come_back(client, await to_provider(client)) == {"problem": "oidc_login_taken"}
    adopting = world_with(city, world.database.url, tmp_path, oidc_adopt_local=True)
    async with adopting.client() as client:
        assert (await come_back(client, await to_provider(client)))["welcome"] == "1"
        assert (await client.get("/api/session")).json()["user"]["seat"] == "1001"
    adopting.database.close()


async def test_a_provider_that_is_away_is_told_and_local_sign_in_goes_on(
    world: World, city: CityProvider, sqlite_url: str
) -> None:
    async with world.client() as client:
        address = await to_provider(client)
        world.app.state.context.oidc._known.clear()
        city.stop()
        assert await come_back(client, address) == {"problem": "oidc_unreachable"}
        away = await client.get("/api/session/oidc")
        assert away.headers["location"] == "/sign-in?problem=oidc_unreachable"
    async with world.signed_in("zhang") as client:
        assert (await client.get("/api/session")).status_code == 200


async def test_without_a_provider_the_page_offers_none(sqlite_url: str, tmp_path: Path) -> None:
    plain = World(Database(sqlite_url), tmp_path)
    async with plain.client() as client:
        assert (await client.get("/api/session/ways")).json() == {"password": True, "oidc": None}
        assert (await client.get("/api/session/oidc")).headers["location"] == "/sign-in?problem=oidc_off"
    plain.database.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"oidc_client_id": ""}, "needs oidc_client_id"),
        ({"oidc_issuer": "http://sso.city.example"}, "https"),
        ({"oidc_roles": {}}, "oidc_roles"),
    ],
)
def test_a_setting_that_is_missing_is_said_at_the_start(wrong: dict[str, Any], told: str) -> None:
    whole = {"oidc_issuer": "https://sso", "oidc_client_id": "x", "oidc_roles": ROLES, "public_url": "https://hotline"}
    with pytest.raises(BadInput, match=told):
        load_settings(**(whole | wrong))


def test_a_role_that_does_not_exist_is_said_at_the_start(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, oidc_issuer="https://sso", oidc_client_id="x", public_url=HOTLINE, oidc_roles={"a": "king"}
    )
    database = Database(sqlite_url)
    with pytest.raises(BadInput, match="no role king"):
        World(database, tmp_path, settings=settings)
    database.close()
