"""Signing in at the city's identity provider: OpenID Connect, authorization code with PKCE, state and nonce checked.

Two requests to the provider and one signed answer: the requests are ours, every check of the answer is joserfc's.
"""

import base64
import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.auth.permissions import ROLES
from core.errors import BadInput, Forbidden, Refused, Unavailable
from core.settings import Settings

ALGORITHMS = ("RS256", "PS256", "ES256")
TIMEOUT_S = 5.0
KNOWN_FOR_S = 600.0  # then the provider's addresses and keys are asked for anew
LEEWAY_S = 60  # how much the two clocks may differ
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pending:
    """A sign-in under way, kept in a signed cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    to: str


@dataclass(frozen=True)
class Vouched:
    """Whom the provider vouches for, in our words. `subject` never changes for one person."""

    subject: str
    login: str
    display_name: str
    role: str
    seat: str | None
    department: str | None


class OidcProvider:
    """The provider of the settings. Its addresses and keys are asked for when they are needed first."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        if unknown := sorted(set(settings.oidc_roles.values()) - ROLES.keys()):
            mend = f"one of {', '.join(ROLES)}"
            raise BadInput(
                f"there is no role {unknown[0]}", code="setting_wrong", where="HOTLINE_OIDC_ROLES", mend=mend
            )
        self._settings = settings
        self._http = httpx.Client(timeout=TIMEOUT_S, transport=transport)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Any]] = {}
        self.redirect_uri = f"{settings.public_url}/api/session/oidc/callback"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def begin(self, to: str) -> tuple[str, Pending]:
        """Where to send the browser, and what to remember meanwhile; Unavailable when the provider does not answer."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        pending = Pending(state, nonce, verifier, to)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self._settings.oidc_scopes,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = str(self._metadata()["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", pending

    def finish(self, code: str, pending: Pending) -> Vouched:
        """The person behind a code; Refused `oidc_token` when anything about the answer is not as it must be."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": pending.verifier,
        }
        secret = self._settings.oidc_client_secret.get_secret_value()
        auth = httpx.BasicAuth(self._settings.oidc_client_id, secret) if secret else None
        if auth is None:
            given["client_id"] = self._settings.oidc_client_id
        address = str(self._metadata()["token_endpoint"])
        reply = self._reached(lambda: self._http.post(address, data=given, auth=auth or httpx.USE_CLIENT_DEFAULT))
        if reply.status_code != 200:
            raise self._distrusted("the provider refused the code")
        try:
            token = str(reply.json()["id_token"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._distrusted("there is no identity token in the answer") from error
        return vouched(self._claims(token, pending.nonce), self._settings)

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        checks = jwt.JWTClaimsRegistry(
            now=lambda: int(time.time()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._settings.oidc_issuer},
            aud={"essential": True, "value": self._settings.oidc_client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                claims = jwt.decode(token, self._keys(), algorithms=list(ALGORITHMS)).claims
            except (JoseError, ValueError):
                self._known.pop("keys", None)  # the provider may have changed its keys: look once more
                claims = jwt.decode(token, self._keys(), algorithms=list(ALGORITHMS)).claims
            checks.validate(claims)
        except (JoseError, ValueError) as error:
            raise self._distrusted(type(error).__name__) from error
        if (
            isinstance(claims["aud"], list)
            and len(claims["aud"]) > 1
            and claims.get("azp") != self._settings.oidc_client_id
        ):
            raise self._distrusted("the token was made for somebody else too")
        return claims

    def _metadata(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._fetch(
            "metadata", f"{self._settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.get("issuer") != self._settings.oidc_issuer:
            raise self._distrusted("the provider calls itself by another name")
        return found

    def _keys(self) -> KeySet:
        return KeySet.import_key_set(self._fetch("keys", str(self._metadata()["jwks_uri"])))

    def _fetch(self, name: str, address: str) -> Any:
        with self._lock:
            known = self._known.get(name)
            if known and time.monotonic() - known[0] < KNOWN_FOR_S:
                return known[1]
        reply = self._reached(lambda: self._http.get(address))
        try:
            reply.raise_for_status()
            found = reply.json()
        except (httpx.HTTPStatusError, ValueError) as error:
            raise _unreachable() from error
        with self._lock:
            self._known[name] = (time.monotonic(), found)
        return found

    def _reached(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return ask()
        except httpx.HTTPError as error:
            log.warning("the identity provider cannot be reached", extra={"error": type(error).__name__})
            raise _unreachable() from error

    def _distrusted(self, why: str) -> Refused:
        log.warning("an identity token was not accepted", extra={"why": why})
        return Refused("统一身份认证的答复无效", code="oidc_token")


def _unreachable() -> Unavailable:
    return Unavailable(
        "统一身份认证暂时不可用,请用本地账号登录或稍后再试", code="oidc_unreachable", where="HOTLINE_OIDC_ISSUER"
    )


def vouched(claims: Mapping[str, Any], settings: Settings) -> Vouched:
    """The person of verified claims, with the role of the settings; Forbidden `oidc_no_role` when there is none."""
    held = _texts(_claim(claims, settings.oidc_role_claim))
    role = next((role for value, role in settings.oidc_roles.items() if value in held), None)
    if role is None:
        raise Forbidden("统一身份认证没有给您分配本系统的角色", code="oidc_no_role")
    login = _as_login(str(_claim(claims, settings.oidc_login_claim) or claims["sub"]))
    seat, department = (
        next(iter(_texts(_claim(claims, name))), None) if name else None
        for name in (settings.oidc_seat_claim, settings.oidc_department_claim)
    )
    return Vouched(
        subject=hashlib.sha256(f"{claims['iss']} {claims['sub']}".encode()).hexdigest(),
        login=login,
        display_name=str(claims.get("name") or login)[:64],
        role=role,
        seat=seat,
        department=department,
    )


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    # Keycloak keeps roles in realm_access.roles: a dot goes inwards.
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _as_login(text: str) -> str:
    """`Zhang.San@city.gov.cn` is `zhang-san` here."""
    kept = "".join(
        one if one.isascii() and (one.isalnum() or one in "-_") else "-" for one in text.split("@")[0].lower()
    )
    return kept.strip("-")[:64] or "person"
