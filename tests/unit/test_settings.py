from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from seats.errors import SettingsError
from seats.settings import Pbx, Settings, default_file, load

SECRET = "hunter2hunter2hunter2"


def write(folder: Path, text: str) -> Path:
    path = folder / "seats.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, environ or {})
    return str(caught.value)


def test_defaults_need_no_file() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.database_url == "sqlite+aiosqlite:///var/seats.db"
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)
    assert settings.pbx == (Pbx(),)
    assert settings.routing.name == "routing.yaml"
    assert settings.routing.is_file()
    assert settings.prefixes.is_file()


def test_the_example_is_the_defaults_and_names_every_key() -> None:
    example = default_file("seats.example.yaml")
    assert load(example, {}) == load(None, {})
    text = example.read_text(encoding="utf-8")
    for group in (Settings, *(f.annotation for f in Settings.model_fields.values())):
        for name in getattr(group, "model_fields", {}):
            assert f"{name}:" in text, f"{name} is missing in {example.name}"


def test_environment_goes_over_the_file(tmp_path: Path) -> None:
    path = write(
        tmp_path, "http: {port: 9000, host: 0.0.0.0}\npbx: [{name: a, host: a.example, secret: old}]\n"
    )
    environ = {
        "SEATS_HTTP__PORT": "9001",
        "SEATS_PBX__0__SECRET": SECRET,
        "SEATS_PBX__1__NAME": "b",
        "SEATS_HTTP__TRUSTED_ORIGINS": "https://a.example, https://b.example:8443",
        "SEATS_NUMBERS__DIALLED__95500": "hubei",
        "SEATS_HTTP__TLS_CERT": "",
        "OTHER": "1",
    }
    settings = load(path, environ)
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 9001)
    assert [(n.name, n.host) for n in settings.pbx] == [("a", "a.example"), ("b", "127.0.0.1")]
    assert settings.pbx[0].secret.get_secret_value() == SECRET
    assert settings.http.trusted_origins == ("https://a.example", "https://b.example:8443")
    assert settings.numbers.dialled == {"95500": "hubei"}


def test_the_variable_may_name_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "language: en\n")
    assert load(None, {"SEATS_CONFIG": str(path)}).language == "en"


def test_variables_of_other_tools_are_no_settings() -> None:
    assert load(None, {"SEATS_PASSWORD": SECRET, "SEATS_LAB_ROOT": "/x", "SEATS_SKIP_UI": "1"}) == Settings()


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///a.db", "sqlite+aiosqlite:///a.db"),
        ("sqlite+aiosqlite:////srv/a.db", "sqlite+aiosqlite:////srv/a.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p%40@h:5/d", "postgresql+asyncpg://u:p%40@h:5/d"),
    ],
)
def test_database_urls_get_the_asynchronous_driver(given: str, used: str) -> None:
    assert load(None, {"SEATS_DATABASE_URL": given}).database_url == used


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("htp: {}\n", "seats.yaml:1: htp: is not a setting (did you mean http?)"),
        ("http:\n  prot: 80\n", "seats.yaml:2: http.prot: is not a setting (did you mean port?), value 80"),
        ("http: {port: abc}\n", "seats.yaml:1: http.port: 'abc' is wrong"),
        ("http: {port: 65536}\n", "allowed: a TCP port, 1 to 65535"),
        ("http: 5\n", "http: 5 is wrong"),
        ("http: {session_hours: .nan}\n", "http.session_hours"),
        (
            "http: {trusted_origins: [https://a.example/path]}\n",
            "http.trusted_origins[1]: 'https://a.example/path' ",
        ),
        ("http: {tls_cert: /nowhere/cert.pem}\n", "http.tls_key: is missing although tls_cert is set"),
        ("routing_file: /nowhere/routing.yaml\n", "routing_file: '/nowhere/routing.yaml' is not a file"),
        ("database_url: mysql://h/d\n", "names the database driver 'mysql'"),
        ("database_url: nonsense\n", "is not a database URL; allowed: sqlite:///PATH or postgresql://"),
        ("pbx: []\n", "pbx: is empty"),
        ("pbx: [{name: a}, {name: b}, {name: a}]\n", "pbx[3].name: 'a' is the name of two nodes"),
        ("pbx: [{name: 'a:b'}]\n", "pbx[1].name: 'a:b' is wrong"),
        ("business_timezone: Mars/Olympus\n", "'Mars/Olympus' is not a time zone"),
        ("business_timezone: ../../etc/passwd\n", "is not a time zone"),
        ("language: fr\n", "allowed: zh or en"),
        ("numbers: {dialled: {'95500': hubeii}}\n", "numbers.dialled.95500: 'hubeii' is not a province code"),
        ("phone: {ice_servers: [{username: u}]}\n", "phone.ice_servers[1].urls: is missing"),
    ],
)
def test_bad_values_are_told_with_file_key_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(write(tmp_path, text))


def test_a_variable_is_named_as_it_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, "http: {port: 1}\n")
    assert "environment: SEATS_HTTP__PORT: 'x' is wrong" in refused(path, {"SEATS_HTTP__PORT": "x"})
    assert "environment: SEATS_HTTP__PROT: is not a setting" in refused(path, {"SEATS_HTTP__PROT": "1"})
    assert "SEATS_TYPO: is not a setting" in refused(path, {"SEATS_TYPO": "1"})
    assert "SEATS_LANGUAGE__X" in refused(None, {"SEATS_LANGUAGE__X": "1"})


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    said = refused(write(tmp_path, "a: 1\nhttp: {port: x}\nlanguage: fr\n"), {"SEATS_PBX__7__HOST": "h"})
    assert len(said.splitlines()) == 4


@pytest.mark.parametrize(
    "text",
    [
        f"pbx: [{{secret: [{SECRET}]}}]\n",
        f"pbx: [{{secrt: {SECRET}}}]\n",
        f"pbx: {{secret: {SECRET}}}\n",
        f"pbx: [{{password: {SECRET}}}]\n",
        f"phone: {{master_secret: {SECRET[:9]}}}\n",
        f"phone: {{ice_servers: [{{urls: [x], credential: {SECRET}}}]}}\n",
        f"database_url: mysql://root:{SECRET}@h/d\n",
        f"database_url: 'root:{SECRET}@h'\n",
        f"databse_url: postgresql://root:{SECRET}@h/d\n",
        f"db: postgresql://root:{SECRET}@h/d\n",
    ],
)
def test_secrets_never_show_in_errors(tmp_path: Path, text: str) -> None:
    assert SECRET[:9] not in refused(write(tmp_path, text))


def test_secrets_never_show_in_the_settings_text() -> None:
    settings = load(
        None,
        {
            "SEATS_DATABASE_URL": f"postgresql://u:{SECRET}@h/d",
            "SEATS_PBX__0__SECRET": SECRET,
            "SEATS_PHONE__MASTER_SECRET": SECRET,
        },
    )
    assert SECRET not in f"{settings} {settings!r} {settings.database}"
    assert settings.phone.master_secret == SecretStr(SECRET)
    assert settings.database.password == SECRET
