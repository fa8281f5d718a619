"""All settings: HOTLINE_* environment variables over `hotline.toml` over defaults, validated before anything starts."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from core.errors import BadInput
from core.numbers import EMERGENCY, is_barred

Port = Annotated[int, Field(ge=1024, le=65535)]
ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Every knob of the system; the names below are the names in `hotline.toml`."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", toml_file="hotline.toml", extra="forbid", frozen=True)

    home: Path = Field(default=Path("var"), description="Folder that holds all state")
    database_url: str = Field(default="", description="Empty: SQLite under home; or postgresql+psycopg://...")
    jobs_url: str = Field(default="", description="Database of the durable jobs; empty: SQLite under home")
    bind: str = Field(default="127.0.0.1", description="Address that everything listens on")
    node: str = Field(default="hot", pattern=r"^[a-z][a-z0-9]{0,15}$", description="Name of this PBX node")

    web_port: Port = 8000
    tls_cert: str = Field(default="", description="Certificate chain (PEM file); with it the console speaks https")
    tls_key: str = Field(default="", description="Key of that certificate (PEM file, not encrypted)")
    agi_port: Port = 4573
    control_port: Port = 4574
    tap_port: Port = Field(default=4575, description="Live sound of calls from Asterisk, for speech recognition")
    scribe_port: Port = Field(default=4576, description="Words of talks that go on, for the web process")
    scribe_tap_port: Port = Field(default=4577, description="Live sound of talks from Asterisk, to be written down")
    ami_port: Port = 5038
    sip_port: Port = 5060
    ws_port: Port = 8088
    rtp_start: Port = 10000
    rtp_end: Port = 10999

    trunk_host: str = Field(default="127.0.0.1", description="Where the operator's trunk is")
    trunk_port: Port = Field(default=5160, description="Port of the trunk; the simulated city listens there")
    lines: tuple[str, ...] = Field(default=("12345",), description="Numbers that citizens dial")
    seats: tuple[str, ...] = Field(default=("1001", "1002", "1003", "1004", "1005"), description="Seat numbers")

    sim_phones_port: Port = 5161
    sim_ami_port: Port = 5138
    sim_agi_port: Port = 4583
    sim_ws_port: Port = 8188
    sim_rtp_start: Port = 11000
    sim_rtp_end: Port = 11999

    city_zone: str = Field(default="Asia/Shanghai", description="The city's time zone")
    catalogue: Path = Field(
        default=ROOT / "tickets" / "city" / "catalogue.yaml", description="The city's categories and places"
    )
    flow: str = Field(default="main", pattern=r"^[a-z][a-z0-9_]*$", description="Flow that answers inbound calls")
    flows_dir: Path = Field(default=ROOT / "ivr" / "flow" / "flows", description="Folder of flow files")
    calendar: Path = Field(
        default=ROOT / "core" / "city" / "calendar.yaml", description="Holidays, swapped days and opening hours"
    )
    time_to_human_s: float = Field(
        default=60, ge=15, le=600, description="Longest way to a human that a flow may have, for who does nothing"
    )
    transfer_numbers: tuple[str, ...] = Field(
        default=(), description="Outside numbers that flows and seats may transfer to, and that seats may dial"
    )
    emergency_numbers: tuple[str, ...] = Field(
        default=EMERGENCY, description="Numbers that every seat's telephone may dial at any time"
    )
    skills_file: Path = Field(
        default=ROOT / "ivr" / "acd" / "skills.yaml", description="Skills of seats, leaders on duty, called numbers"
    )
    prompts_file: Path = Field(default=ROOT / "ivr" / "prompts" / "catalogue.yaml", description="Texts of all prompts")

    offer_timeout_s: float = Field(default=15, ge=3, le=60, description="How long a seat may ring")
    wrap_up_s: float = Field(default=20, ge=0, le=600, description="Wrap-up after a talk")
    position_every_s: float = Field(default=30, ge=5, le=300, description="How often the place in line is announced")
    max_call_s: int = Field(default=7200, ge=60, le=14400, description="Longest call; Asterisk ends it then")
    max_calls: int = Field(
        default=400,
        ge=1,
        le=5000,
        description="Callers at once; more hear that all lines are busy (two RTP ports each)",
    )

    number_calls: int = Field(
        default=8, ge=0, le=1000, description="More calls of one number in number_calls_within_s come last; 0: no limit"
    )
    number_calls_within_s: float = Field(default=900, ge=10, le=86400, description="The time in which they are counted")
    number_calls_at_once: int = Field(
        default=5, ge=0, le=1000, description="More calls of one number at once are asked to wait; 0: no limit"
    )

    listen_most: int = Field(default=20, ge=0, le=500, description="Callers whose words are recognised live at once")
    scribe_most: int = Field(
        default=20, ge=0, le=500, description="Talks written down while they go on; of others the text follows after"
    )
    ask_while_waiting: bool = Field(default=False, description="Invite those who wait to say what it is about")

    model: str = Field(default="demo", description="Speech model: demo, an official name, or a folder")
    transcribe_workers: int = Field(default=1, ge=1, le=64)

    survey_first_delay_s: float = Field(default=3600, ge=0, description="From done to the first call-back")
    survey_retry_delays_s: tuple[float, ...] = Field(default=(1800, 14400), description="Before each further attempt")
    survey_ring_s: int = Field(default=30, ge=5, le=90)
    survey_lines: int = Field(default=2, ge=1, le=100, description="Call-backs under way at once")
    survey_start_hour: int = Field(default=0, ge=0, le=23, description="No call-back before this hour, city time")
    survey_end_hour: int = Field(default=24, ge=1, le=24, description="No call-back from this hour on, city time")

    virtual_hold: Literal["off", "auto", "always"] = Field(
        default="auto", description="Offer waiting callers to be rung back: off, auto (in a long line), always"
    )
    virtual_hold_from_position: int = Field(default=10, ge=1, description="auto: to who is at least so far back")
    virtual_hold_after_s: float = Field(
        default=120, ge=0, description="auto: or has waited so long, not near the front"
    )
    virtual_hold_retry_delays_s: tuple[float, ...] = Field(default=(60, 300), description="Before each further ring")
    missed_callback: Literal["off", "seat", "robot"] = Field(
        default="off", description="Ring callers nobody answered: off (list only), seat (a human), robot (asks first)"
    )
    missed_retry_delays_s: tuple[float, ...] = Field(default=(600, 3600), description="Before each further ring")
    call_back_ring_s: int = Field(default=25, ge=5, le=90, description="How long a promised call-back rings")
    call_back_expires_s: float = Field(default=86400, gt=0, description="No promised call-back later than this")

    short_abandon_s: float = Field(
        default=5, ge=0, le=60, description="Who hangs up in line so soon is listed as a short abandon"
    )
    alarm_rate: float = Field(default=0.95, gt=0, le=1, description="Alarm below this share, in 15 s and in 24 h")
    alarm_minutes: int = Field(default=15, ge=1, le=60, description="Window of the alarm for 15 s")
    alarm_least_calls: int = Field(default=20, ge=1, description="Fewer requests than this raise no alarm for a rate")
    alarm_wait_s: float = Field(default=60, ge=1, description="Warn when somebody has waited so long")
    alarm_webhook_url: str = Field(default="", description="Alarms are posted there as JSON; empty: nowhere")
    alarm_webhook_key: str = Field(default="", repr=False, description="Signs what is posted (HMAC-SHA256)")

    session_hours: float = Field(default=12, gt=0, le=72)
    public_url: str = Field(
        default="", pattern=r"^(https?://[^/]+)?$", description="Address of the console as browsers see it; for OIDC"
    )
    trusted_proxies: str = Field(
        default="127.0.0.1", description="Reverse proxies whose word about a browser's address counts; with commas"
    )
    oidc_issuer: str = Field(default="", description="Identity provider (OpenID Connect); empty: local logins only")
    oidc_client_id: str = Field(default="", description="Our name at the provider")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="Empty for a public client")
    oidc_name: str = Field(default="统一身份认证", max_length=40, description="Name on the button")
    oidc_scopes: str = Field(default="openid profile", description="Scopes to ask for")
    oidc_login_claim: str = Field(default="preferred_username", description="Claim with the login")
    oidc_role_claim: str = Field(default="roles", description="Claim with groups or roles; a dot goes inwards")
    oidc_roles: dict[str, str] = Field(default={}, description="Value of that claim to our role; the first one counts")
    oidc_seat_claim: str = Field(default="", description="Claim with the seat, if any")
    oidc_department_claim: str = Field(default="", description="Claim with the department's id, if any")
    oidc_adopt_local: bool = Field(default=False, description="A local user of the same login becomes that person")
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator("city_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, OSError) as error:
            raise ValueError("there is no such time zone; write it as Asia/Shanghai") from error
        return value

    @field_validator("home", "catalogue", "flows_dir", "skills_file", "prompts_file", "calendar")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("alarm_webhook_url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None):
            raise ValueError("must be an address such as https://alarms.example.cn/hotline, without user and password")
        return value

    @field_validator("lines", "seats")
    @classmethod
    def _numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or any(not (number.isascii() and number.isdigit() and len(number) <= 12) for number in value):
            raise ValueError("must be a list of numbers of 1 to 12 digits")
        return value

    @field_validator("transfer_numbers", "emergency_numbers")
    @classmethod
    def _dialable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not (number.isascii() and number.isdigit() and len(number) <= 15) for number in value):
            raise ValueError("must be a list of numbers of 1 to 15 digits")
        if any(is_barred(number) for number in value):
            raise ValueError("holds an international or premium number (00, 160, 168, 179...): those are never dialled")
        return value

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        ports: dict[int, str] = {}
        for name in type(self).model_fields:
            if not name.endswith("_port"):
                continue
            if other := ports.get(getattr(self, name)):
                raise ValueError(f"{name} and {other} are both {getattr(self, name)}; give each its own port")
            ports[getattr(self, name)] = name
        if self.rtp_start >= self.rtp_end or self.sim_rtp_start >= self.sim_rtp_end:
            raise ValueError("rtp_start must be below rtp_end")
        return self

    @model_validator(mode="after")
    def _oidc_whole(self) -> "Settings":
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_roles and self.public_url):
            raise ValueError("oidc_issuer needs oidc_client_id, oidc_roles and public_url too")
        is_near = self.oidc_issuer.startswith(("http://127.0.0.1", "http://localhost"))
        if self.oidc_issuer and not (self.oidc_issuer.startswith("https://") or is_near):
            raise ValueError("oidc_issuer must begin with https://")
        return self

    @model_validator(mode="after")
    def _tls_whole(self) -> "Settings":
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key belong together; set both or neither")
        return self

    @property
    def console_address(self) -> str:
        """Where browsers find the console, without a path."""
        return f"{'https' if self.tls_cert else 'http'}://{self.bind}:{self.web_port}"

    @property
    def database(self) -> str:
        """URL of the main database."""
        return self.database_url or f"sqlite:///{self.home / 'hotline.sqlite'}"

    @property
    def jobs_database(self) -> str:
        """URL of the durable jobs' database."""
        return self.jobs_url or (
            self.database_url.replace("+psycopg", "") if self.database_url else f"sqlite:///{self.home / 'jobs.sqlite'}"
        )

    @property
    def outside_numbers(self) -> tuple[str, ...]:
        """Every number outside that a seat's telephone may dial."""
        return tuple(dict.fromkeys((*self.emergency_numbers, *self.transfer_numbers)))

    @property
    def spool(self) -> Path:
        """Folder into which Asterisk writes the legs of recordings."""
        return self.home / "spool"


def load_settings(**overrides: object) -> Settings:
    """Read and validate; BadInput names the setting and how to write it."""
    known = {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith("HOTLINE_") and name not in known)
    if unknown:
        raise BadInput(
            f"unknown setting {unknown[0]}",
            code="setting_unknown",
            where="environment",
            mend="see .env.example for all names",
        )
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except SettingsError as error:  # a list or number that cannot be read, before any validation
        raise BadInput(
            str(error).split(" from source", 1)[0],
            code="setting_wrong",
            where="environment",
            mend='lists are written as JSON, such as ["1001", "1002"]; see .env.example',
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(str(error), code="setting_wrong", where="hotline.toml", mend="mend the line it names") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise BadInput(
            f"{name}: {first['msg']}",
            code="setting_wrong",
            where=f"HOTLINE_{name.upper()} or {name} in hotline.toml",
            mend="see .env.example",
        ) from error
