"""The command line: ``seats run``, ``check``, ``demo``, ``simulate``, ``db``, ``user``, ``provision``."""

from __future__ import annotations

import asyncio
import json as jsonlib
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
import uvloop
from rich.console import Console

from seats import demo as demo_module
from seats import garbage, logs, people, tls, upkeep
from seats.backup import backup
from seats.check import Report, check_all, require_startable
from seats.core import core_kind
from seats.domain.errors import DomainError
from seats.errors import SeatsError
from seats.priority import share_python, take_realtime
from seats.service import serve
from seats.settings import Settings, load
from seats.simulate import simulate
from seats.store.errors import StoreError
from seats.store.schema import upgrade
from telephony.errors import TelephonyError
from telephony.lab import LabError
from telephony.provisioning import LOOPBACK

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Remote call-center seats on Asterisk.")
db = typer.Typer(no_args_is_help=True, help="The ledger's database.")
user = typer.Typer(no_args_is_help=True, help="Who may sign in.")
app.add_typer(db, name="db")
app.add_typer(user, name="user")
app.command()(simulate)

Config = Annotated[Path | None, typer.Option("--config", help="Settings file (YAML).")]
err = Console(stderr=True, highlight=False)

T = TypeVar("T")

WRONG = 2
"""Exit code of a configuration that cannot be used."""


@app.command()
def run(config: Config = None) -> None:
    """Run the service."""
    logs.configure(json=not sys.stderr.isatty())
    settings = _load(config)
    _finish(_serve(settings))


@app.command()
def check(config: Config = None) -> None:
    """Check settings, database and PBX; say what is wrong and how to mend it."""
    settings = _load(config)
    report = _finish(check_all(settings))
    for line in report.lines():
        typer.echo(line)
    raise typer.Exit(0 if report.good else WRONG)


@app.command()
def demo(
    for_: Annotated[float | None, typer.Option("--for", min=1, help="Stop after so many seconds.")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=100, help="Calls per second.")] = 0.5,
    json: Annotated[bool, typer.Option("--json", help="The last line is a JSON report.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web pages.")] = 8080,
) -> None:
    """A private Asterisk with callers and agents; one seat is left free for you."""
    logs.configure(json=False, level=logging.WARNING)
    report = _finish(_demo(for_, rate, port))
    if report is not None:
        typer.echo(report.line() if json else _summary(report))


@app.command()
def provision(
    config: Config = None,
    manager: Annotated[bool, typer.Option("--manager", help="The AMI account instead of the seats.")] = False,
    permit: Annotated[str, typer.Option(help="Where the account may log in from.")] = LOOPBACK,
) -> None:
    """Print what the PBX must be told: its seats (PJSIP), or our AMI account."""
    settings = _load(config)
    try:
        text = _finish(people.manager_account(settings, permit) if manager else people.provision(settings))
    except (SeatsError, TelephonyError) as error:
        _wrong(error)
    typer.echo(text)


@db.command("upgrade")
def db_upgrade(config: Config = None) -> None:
    """Bring the database's schema up to this program's."""
    _finish(upgrade(_load(config).database_url))
    typer.echo("database is up to date")


@db.command("backup")
def db_backup(
    target: Annotated[Path, typer.Argument(help="A new file; the service may go on meanwhile.")],
    config: Config = None,
) -> None:
    """Copy the whole database: a SQLite file, or an archive for pg_restore."""
    typer.echo(_finish(backup(_load(config), target)))


@db.command("figures")
def db_figures(config: Config = None) -> None:
    """Print counts and rates since ever as JSON: the same before a backup and after its restore."""
    typer.echo(jsonlib.dumps(_finish(upkeep.figures(_load(config))), indent=1))


@db.command("erase")
def db_erase(
    number: Annotated[str, typer.Option(help="A caller's number, in whatever way it is written.")] = "",
    older_than: Annotated[int, typer.Option(min=0, help="Numbers of requests older than so many days.")] = 0,
    config: Config = None,
) -> None:
    """Take callers' numbers out of the ledger; every rate stays as it is."""
    if bool(number) == bool(older_than):
        raise typer.BadParameter("give one of --number and --older-than")
    settings = _load(config)
    work = upkeep.erase_caller(settings, number) if number else upkeep.erase_older(settings, older_than)
    typer.echo(_finish(work))


@user.command("add")
def user_add(
    login: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help="agent, supervisor or admin.")] = "agent",
    name: Annotated[str, typer.Option(help="Name shown to others.")] = "",
    province: Annotated[str, typer.Option(help="Agent's province code, such as hubei.")] = "",
    pools: Annotated[str, typer.Option(help="Agent's pools, comma-separated; default: by province.")] = "",
    seat: Annotated[str, typer.Option(help="browser:NAME, sip:NAME or mobile:NUMBER.")] = "",
    skill: Annotated[
        list[str] | None, typer.Option(help="Agent's skill with its level, such as claims:5; repeatable.")
    ] = None,
    password: Annotated[str, typer.Option(envvar="SEATS_PASSWORD", prompt=True, hide_input=True)] = "",
    config: Config = None,
) -> None:
    """Add someone who may sign in; an agent gets a seat as well."""
    wish = people.Wish(login, role, name or login, province, pools, seat, password, tuple(skill or ()))
    typer.echo(_finish(people.add(_load(config), wish)))


@user.command("password")
def user_password(
    login: Annotated[str, typer.Argument(help="Name to sign in with.")],
    password: Annotated[str, typer.Option(envvar="SEATS_PASSWORD", prompt=True, hide_input=True)] = "",
    config: Config = None,
) -> None:
    """Give someone a new password; ends their sessions."""
    typer.echo(_finish(people.set_password(_load(config), login, password)))


@user.command("remove")
def user_remove(
    login: Annotated[str, typer.Argument(help="Name to sign in with, or an agent's id.")],
    erase: Annotated[bool, typer.Option("--erase", help="Erase the person's name and number too.")] = False,
    config: Config = None,
) -> None:
    """End someone's sign-in at once; an agent's seat goes within seconds, after the call if there is one."""
    typer.echo(_finish(people.remove(_load(config), login, erase=erase)))


def _load(config: Path | None) -> Settings:
    try:
        return load(config)
    except SeatsError as error:
        _wrong(error)


def _wrong(error: Exception) -> NoReturn:
    for line in str(error).splitlines():
        err.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(WRONG)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what people can mend is said in a line, and the exit code is 2."""
    try:
        return uvloop.run(work)
    except (SeatsError, StoreError, DomainError, TelephonyError, LabError) as error:
        _wrong(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _serve(settings: Settings) -> None:
    stop = _on_signals()
    log = structlog.get_logger("seats")
    for trouble in await require_startable(settings):
        log.warning("trouble", what=trouble)
    async with serve(settings, in_writer=take_realtime if settings.realtime else None):
        garbage.settle()
        share_python()
        realtime = settings.realtime and take_realtime()
        url = f"{tls.scheme(settings.http)}://{settings.http.host}:{settings.http.port}"
        log.info("serving", url=url, core=core_kind(), realtime=realtime)
        await stop.wait()


async def _demo(for_s: float | None, rate: float, port: int) -> demo_module.Report | None:
    stop = _on_signals()
    work = asyncio.create_task(demo_module.run(for_s=for_s, rate=rate, port=port, say=_say, ready=_invite))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait([work])
    return None if work.cancelled() else work.result()


def _on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _say(text: str) -> None:
    err.print(f"[dim]·[/dim] {text}")


def _invite(url: str, logins: demo_module.Logins) -> None:
    err.print()
    rows = (
        ("座席 desk", "desk", logins.agent),
        ("看板 board", "board", logins.supervisor),
        ("管理 admin", "admin", logins.admin),
    )
    for what, page, login in rows:
        err.print(
            f"  [bold]{what}[/bold]  {url}/{page}  [green]{login}[/green] / [green]{logins.password}[/green]"
        )
    err.print(
        "\n  Sign in at the desk, allow the microphone, press 就绪 (ready): a real call comes."
        "\n  Ctrl-C ends all.\n"
    )


def _summary(report: demo_module.Report) -> str:
    data = report.data
    lines = [f"{data['requests']} requests, {data['outcomes']['connected']} connected"]
    lines += [
        f"  {p:<10} {f['connected']}/{f['requests']}  {f['rate']:.1%}" for p, f in data["provinces"].items()
    ]
    return "\n".join(lines)


__all__ = ["Report", "app"]
