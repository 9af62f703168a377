"""The settings: a YAML file, each key overridable by the environment, checked before anything starts.

``SEATS_HTTP__PORT=9000`` overrides ``http.port``; ``SEATS_PBX__0__HOST`` overrides the host of the first
node and leaves its other keys as the file has them. Relative paths count from the working directory.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from seats import environment, yamlfile
from seats.domain.regions import BY_CODE, UNKNOWN
from seats.errors import ConfigError, Problem, SettingsError

PREFIX = "SEATS_"
FILE_VARIABLE = "SEATS_CONFIG"
"""Environment variable that names the settings file when the command line does not."""

OTHER_VARIABLES = frozenset(
    {FILE_VARIABLE, "SEATS_PASSWORD", "SEATS_LAB_ROOT", "SEATS_SKIP_UI", "SEATS_COMPILE"}
)
"""Variables with our prefix that are no settings: for the command line, the lab PBX and the build."""

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def default_file(name: str) -> Path:
    """A file of the configuration pack that ships with the program (``routing.yaml`` …)."""
    here = Path(__file__).resolve().parent
    packed = here / "_config" / name
    return packed if packed.exists() else here.parent / "config" / name


def async_database_url(value: str) -> str:
    """Check a database URL and give it the asynchronous driver. Raise ``ValueError`` saying what is wrong."""
    try:
        url = make_url(value)
    except ArgumentError:
        raise ValueError("is not a database URL") from None
    if url.drivername not in _DRIVERS:
        raise ValueError(f"names the database driver {url.drivername!r}, which is not supported")
    return url.set(drivername=_DRIVERS[url.drivername]).render_as_string(hide_password=False)


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # the zone error is a KeyError
        raise ValueError("is not a time zone") from None
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.netloc
        or value != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ValueError("is not an origin")
    return value


def _province(value: str) -> str:
    if value not in BY_CODE and value != UNKNOWN:
        raise ValueError("is not a province code")
    return value


def _secret_length(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < 16:
        raise ValueError("is too short")
    return value


OptionalPath = Annotated[Path | None, BeforeValidator(_none_if_empty)]
Port = Annotated[int, Field(ge=1, le=65535, description="a TCP port, 1 to 65535")]
ProvinceCode = Annotated[str, AfterValidator(_province)]

_PROVINCES = f"a province code: {', '.join([*BY_CODE, UNKNOWN])}"


class Group(BaseModel):
    """A group of settings: frozen; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Http(Group):
    """The web server."""

    host: str = Field(default="127.0.0.1", min_length=1, description="an address or host name to listen on")
    port: Port = 8080
    tls_cert: OptionalPath = Field(default=None, description="path of a PEM certificate chain, or empty")
    tls_key: OptionalPath = Field(default=None, description="path of a PEM private key, or empty")
    trusted_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(), description="origins such as https://seats.example.com, without a path"
    )
    session_hours: float = Field(default=12.0, gt=0, le=720, description="hours, more than 0 and at most 720")


class Pbx(Group):
    """One PBX node and our AMI account on it."""

    name: str = Field(
        default="pbx1",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="1 to 32 of a-z 0-9 _ -, unlike the others",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="an address or host name")
    port: Port = 5038
    username: str = Field(default="seats", min_length=1, description="the AMI account's name")
    secret: SecretStr = Field(default=SecretStr(""), description="the AMI account's secret")
    ws_url: str = Field(
        default="http://127.0.0.1:8088/ws",
        pattern=r"^(https?|wss?)://[^\s/]+(/\S*)?$",
        description="URL of the PBX's SIP WebSocket, http:// or https://",
    )


class IceServer(Group):
    """A STUN or TURN server told to browser phones."""

    urls: tuple[Annotated[str, Field(pattern=r"^(stun|turn)s?:\S+$")], ...] = Field(
        min_length=1, description="URLs such as stun:stun.example.com:3478"
    )
    username: str = Field(default="", description="text")
    credential: SecretStr = Field(default=SecretStr(""), description="text")


class Phone(Group):
    """Browser phones. Their SIP passwords are derived from ``master_secret``."""

    master_secret: Annotated[SecretStr, AfterValidator(_secret_length)] = Field(
        default=SecretStr(""), description="16 characters or more; empty: no browser seats"
    )
    ice_servers: tuple[IceServer, ...] = Field(
        default=(), description="a list of {urls, username, credential}"
    )


class Numbers(Group):
    """How a caller's province is told from numbers."""

    dialled: dict[str, ProvinceCode] = Field(
        default_factory=dict, description=f"dialled number: {_PROVINCES}"
    )
    trunks: dict[str, ProvinceCode] = Field(default_factory=dict, description=f"trunk name: {_PROVINCES}")
    overrides: OptionalPath = Field(
        default=None, description="path of a prefix table (YAML or CSV); empty: the shipped one"
    )
    customers: OptionalPath = Field(default=None, description="path of a CSV of number,province; empty: none")


class Retention(Group):
    """How long personal data is kept."""

    numbers_days: int = Field(
        default=0, ge=0, le=36500, description="days, up to 36500; 0: callers' numbers are kept for ever"
    )


class Settings(Group):
    """All settings of the service."""

    database_url: Annotated[str, AfterValidator(async_database_url)] = Field(
        default="sqlite+aiosqlite:///var/seats.db",
        repr=False,  # may hold a password
        description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
    )
    http: Http = Field(default=Http(), description="a mapping")
    pbx: tuple[Pbx, ...] = Field(default=(Pbx(),), description="a list of one or more nodes")
    phone: Phone = Field(default=Phone(), description="a mapping")
    routing_file: OptionalPath = Field(
        default=None, description="path of a routing file; empty: the one shipped"
    )
    numbers: Numbers = Field(default=Numbers(), description="a mapping")
    retention: Retention = Field(default=Retention(), description="a mapping")
    spool_folder: OptionalPath = Field(
        default=None,
        description="path of a folder on this machine; empty: beside a SQLite file, else var/spool",
    )
    business_timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Asia/Shanghai", description="an IANA time zone such as Asia/Shanghai"
    )
    language: Literal["zh", "en"] = Field(default="zh", description="zh or en")
    realtime: bool = Field(
        default=True, description="true or false: run before ordinary programs, where the system allows it"
    )

    @property
    def database(self) -> URL:
        """The database URL, parsed; its text form hides the password."""
        return make_url(self.database_url)

    @property
    def spool(self) -> Path:
        """Where lies what the database does not have yet."""
        if self.spool_folder is not None:
            return self.spool_folder
        if self.database.get_backend_name() == "sqlite":
            return Path(f"{self.database.database}-spool")
        return Path("var/spool")

    @property
    def zone(self) -> ZoneInfo:
        """The zone that business days are cut in."""
        return ZoneInfo(self.business_timezone)

    @property
    def routing(self) -> Path:
        """The routing file in use before the first version is stored."""
        return self.routing_file or default_file("routing.yaml")

    @property
    def prefixes(self) -> Path:
        """The prefix table in use."""
        return self.numbers.overrides or default_file("prefixes.yaml")


def load(path: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``path`` (or ``SEATS_CONFIG``; neither: defaults) and the environment.

    Raise :class:`SettingsError` listing every unknown key and bad value: where, key, value, what is allowed.
    """
    given = os.environ if environ is None else environ
    name = path or given.get(FILE_VARIABLE)
    env = {variable: value for variable, value in given.items() if variable not in OTHER_VARIABLES}
    try:
        document = yamlfile.read(Path(name)) if name else yamlfile.Document(Path("defaults"), {}, {})
    except ConfigError as error:
        raise SettingsError(error.problems) from error
    laid = environment.overlay(document.data, env, PREFIX, Settings)
    problems = list(laid.problems)
    try:
        settings = Settings.model_validate(laid.data)
    except ValidationError as error:
        problems += [_problem(e, document, laid.origins) for e in error.errors()]
    else:
        problems += _cross_checks(settings, document, laid.origins)
    if problems:
        raise SettingsError(problems)
    return settings


def _place(key: str, document: yamlfile.Document, origins: Mapping[str, str]) -> tuple[str, str]:
    """Where a key's value came from, and the key as it is written there."""
    for known, variable in origins.items():
        if known == key or known.startswith((f"{key}.", f"{key}[")):
            return environment.WHERE, variable
    if (above := yamlfile.parent(key)) in origins:
        return environment.WHERE, origins[above]
    return document.where(key), key


def _problem(error: ErrorDetails, document: yamlfile.Document, origins: Mapping[str, str]) -> Problem:
    """One fault found by the models, in our words."""
    key, group, field = _walk(error["loc"])
    where, written = _place(key, document, origins)
    name = str(error["loc"][-1])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, group.model_fields, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        secret = bool(_SECRET.search(name)) or bool(near and _is_secret(group, near[0]))
        what = f"is not a setting{hint}, value {_shown(error['input'], secret)}"
        return Problem(where, written, what, ", ".join(group.model_fields))
    allowed = (group.model_fields[field].description or "") if field in group.model_fields else "a mapping"
    if error["type"] == "missing":
        return Problem(where, written, "is missing", allowed)
    why = str(error["ctx"]["error"]) if error["type"] == "value_error" else f"is wrong ({error['msg']})"
    return Problem(where, written, f"{_shown(error['input'], _is_secret(group, field))} {why}", allowed)


def _walk(loc: tuple[str | int, ...]) -> tuple[str, type[BaseModel], str]:
    """Key path of an error, the group it stands in and the field of that group."""
    key, annotation = "", Settings
    group: type[BaseModel] = Settings
    field = ""
    for part in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            group, field = annotation, str(part)
        key = environment.key_path(key, part)
        annotation = environment.inner(annotation, part)
    return key, group, field


_SECRET = re.compile(r"secret|pass|pwd|token|key|cred|url", re.IGNORECASE)
_USER_INFO = re.compile(r":[^:]*@")


def _is_secret(group: type[BaseModel], field: str) -> bool:
    known = group.model_fields.get(field)
    return known is not None and (known.annotation is SecretStr or not known.repr)


def _shown(value: object, secret: bool) -> str:
    """A value for an error message; secrets, and whatever may be one, are hidden."""
    if secret and value not in ("", None):
        return "'***'"
    text = _USER_INFO.sub(":***@", yamlfile.shape(value))
    return text if len(text) <= 80 else f"{text[:77]}…"


def _cross_checks(
    settings: Settings, document: yamlfile.Document, origins: Mapping[str, str]
) -> list[Problem]:
    """What no single key can tell."""
    problems: list[Problem] = []

    def complain(key: str, what: str, allowed: str) -> None:
        where, written = _place(key, document, origins)
        problems.append(Problem(where, written, what, allowed))

    if (settings.http.tls_cert is None) != (settings.http.tls_key is None):
        have, lack = ("tls_cert", "tls_key") if settings.http.tls_cert else ("tls_key", "tls_cert")
        complain(f"http.{lack}", f"is missing although {have} is set", "both or neither")
    if not settings.pbx:
        complain("pbx", "is empty", "a list of one or more nodes")
    seen: set[str] = set()
    for n, node in enumerate(settings.pbx):
        if node.name in seen:
            complain(f"pbx[{n + 1}].name", f"{node.name!r} is the name of two nodes", "one name per node")
        seen.add(node.name)
    for key, path in (
        ("http.tls_cert", settings.http.tls_cert),
        ("http.tls_key", settings.http.tls_key),
        ("routing_file", settings.routing_file),
        ("numbers.overrides", settings.numbers.overrides),
        ("numbers.customers", settings.numbers.customers),
    ):
        if path is not None and not path.is_file():
            complain(key, f"{str(path)!r} is not a file", "a file, relative to the working directory")
    return problems
