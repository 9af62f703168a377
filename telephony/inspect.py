"""A look at a PBX before it carries calls: version, rights of our account, dialplan pack. Changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from telephony import commands
from telephony.commands import Action
from telephony.errors import ActionError, ActionRefusedError, UnreachableError
from telephony.link import NodeSettings
from telephony.session import Login, Reply, Session
from telephony.translate import text

OLDEST = 20
"""Oldest Asterisk the dialplan pack is written for."""

CONTEXTS = (
    "seats-inbound",
    "seats-hold",
    "seats-connect",
    "seats-fallback",
    "seats-goodbye",
    "seats-overflow",
)
JOURNAL = "seats-journal"
CALLBACKS = "seats-callback"
QUEUE = "seats-fallback"
NAMED = 10
"""Unknown seats that are named one by one; of more, only the number is told."""


class Seen(NamedTuple):
    """One thing looked at; ``trouble`` is empty when it is good.

    ``vital``: without it no call can be handled. What is not vital can be mended while calls go on.
    """

    what: str
    found: str
    trouble: str = ""
    vital: bool = True


async def inspect(node: NodeSettings, seats: Iterable[str] = (), *, calls: bool = False) -> list[Seen]:
    """Log in and look; ``seats`` are the PJSIP endpoints that should be there, ``calls``: it places calls.

    Raises LoginRefusedError; UnreachableError also for a PBX that is still starting; ActionTimeoutError.
    """
    greetings: list[Any] = []
    login = Login(node.host, node.port, node.username, node.secret)
    session = Session(login, wanted={"FullyBooted"}, on_events=greetings.extend)
    await session.connect(node.connect_s)
    try:
        seen = [
            Seen("account", f"logged in as {node.username}"),
            await version_of(session.call),
            *await _rights(session, calls),
        ]
        pack = [await _context(session, name) for name in CONTEXTS]
        if not greetings and any(context.trouble for context in pack):
            raise UnreachableError(
                "Asterisk is still starting, or read= of the account lacks system", login.where
            )
        if calls:
            pack += await _calls(session)
        return [
            *seen,
            *pack,
            await _journal(session),
            await _queue(session),
            *await _seats(session, set(seats)),
        ]
    finally:
        await session.close()


async def version_of(call: Callable[[Action], Awaitable[Reply]]) -> Seen:
    """Whether the PBX is of a version that the dialplan pack is written for. Raises the errors of ``call``."""
    version = text((await call({"Action": "CoreSettings"})).headers, "AsteriskVersion")
    major = version.removeprefix("certified/").removeprefix("certified-").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST:
        return Seen("version", version, f"Asterisk {version or 'unknown'}; allowed: {OLDEST} or newer")
    return Seen("version", f"Asterisk {version}")


async def _rights(session: Session, calls: bool) -> list[Seen]:
    """Ask for one harmless thing of each class; a refusal for want of rights says so."""
    probes: list[tuple[str, Action]] = [
        ("call", commands.get_global("SEATS_HEARTBEAT")),
        ("reporting", commands.core_show_channels()),
        ("agent", commands.queue_pause("seats-no-such-queue", "PJSIP/nobody", False)),
    ]
    if calls:  # without a channel it is refused for that, after the right was asked for
        probes.append(("originate", {"Action": "Originate"}))
    return [await _right(session, name, action) for name, action in probes]


async def _right(session: Session, name: str, action: Action) -> Seen:
    reply = await session.send(action)
    if not reply.ok and "permission denied" in reply.message.lower():
        why = "; the plan calls people back (callbacks.dial)" if name == "originate" else ""
        return Seen(f"right {name}", "", f"missing{why}; add {name} to write= of the account in manager.conf")
    return Seen(f"right {name}", "granted")


async def _calls(session: Session) -> list[Seen]:
    trunk = text((await session.send(commands.get_global("SEATS_CALLBACK_TRUNK"))).headers, "Value")
    trouble = "" if trunk else "no trunk to call people back; set it in [globals] of extensions.conf"
    return [await _context(session, CALLBACKS), Seen("SEATS_CALLBACK_TRUNK", trunk, trouble)]


async def _context(session: Session, name: str) -> Seen:
    try:
        await session.call_list({"Action": "ShowDialPlan", "Context": name})
    except ActionError as error:
        hint = "add #include extensions_seats.conf to extensions.conf and run: dialplan reload"
        return Seen(f"context {name}", "", f"missing ({error.what}); {hint}")
    return Seen(f"context {name}", "present")


async def _journal(session: Session) -> Seen:
    """Part of the dialplan since it keeps a journal: an older one handles calls as well."""
    found = await _context(session, JOURNAL)
    if not found.trouble:
        return found
    hint = "put today's extensions_seats.conf in its place and run: dialplan reload"
    lost = "an older dialplan: of an Asterisk that is killed, requests of the last second may be lost"
    return found._replace(trouble=f"missing, {lost}; {hint}", vital=False)


async def _queue(session: Session) -> Seen:
    """The fallback's queue: needed only on the day that this service is away, hence not vital."""
    what = f"queue {QUEUE}"
    with contextlib.suppress(ActionRefusedError):
        if await session.call_list(commands.queue_status(QUEUE)):
            return Seen(what, "present")
    hint = "add #include queues_seats.conf to queues.conf and run: module reload app_queue.so"
    return Seen(what, "", f"missing: nobody would take calls while the service is away; {hint}", vital=False)


async def _seats(session: Session, wanted: set[str]) -> list[Seen]:
    if not wanted:
        return []
    listed = {
        text(item, "Device").removeprefix("PJSIP/")
        for item in await session.call_list(commands.device_states())
    }
    unknown = [seat for seat in sorted(wanted - listed) if not await _known(session, seat)]
    if not unknown:
        return [Seen("seats", f"{len(wanted)} known to the PBX")]
    names = ", ".join(unknown) if len(unknown) <= NAMED else f"{len(unknown)} seats"
    hint = "seats provision > /etc/asterisk/pjsip_seats_list.conf, then: pjsip reload"
    return [Seen("seats", "", f"{names} unknown to the PBX; {hint}", vital=False)]


async def _known(session: Session, seat: str) -> bool:
    """A seat that has never had a state is in no list, but may be there."""
    reply = await session.call(commands.device_state(seat))
    return text(reply.headers, "Value") != "INVALID"
