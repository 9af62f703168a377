"""A look at a PBX before it carries calls: version, rights of our account, dialplan pack. Changes nothing."""

from __future__ import annotations

from typing import NamedTuple

from telephony import commands
from telephony.commands import Action
from telephony.errors import ActionError
from telephony.link import NodeSettings
from telephony.session import Login, Session
from telephony.translate import text

OLDEST = 20
"""Oldest Asterisk the dialplan pack is written for."""

CONTEXTS = ("seats-inbound", "seats-hold", "seats-connect", "seats-fallback", "seats-goodbye")


class Seen(NamedTuple):
    """One thing looked at; ``trouble`` is empty when it is good."""

    what: str
    found: str
    trouble: str = ""


async def inspect(node: NodeSettings) -> list[Seen]:
    """Log in and look. Raises UnreachableError, LoginRefusedError."""
    session = Session(Login(node.host, node.port, node.username, node.secret), events=False)
    await session.connect(node.connect_s)
    try:
        return [
            Seen("account", f"logged in as {node.username}"),
            await _version(session),
            *await _rights(session),
            *await _pack(session),
        ]
    finally:
        await session.close()


async def _version(session: Session) -> Seen:
    reply = await session.call({"Action": "CoreSettings"})
    version = text(reply.headers, "AsteriskVersion")
    major = version.split(".")[0]
    if not major.isdigit() or int(major) < OLDEST:
        return Seen("version", version, f"Asterisk {version or 'unknown'}; allowed: {OLDEST} or newer")
    return Seen("version", f"Asterisk {version}")


async def _rights(session: Session) -> list[Seen]:
    """Ask for one harmless thing of each class; a refusal for want of rights says so."""
    probes: list[tuple[str, Action]] = [
        ("call", commands.get_global("SEATS_HEARTBEAT")),
        ("reporting", commands.core_show_channels()),
        ("agent", commands.queue_pause("seats-no-such-queue", "PJSIP/nobody", False)),
    ]
    return [await _right(session, name, action) for name, action in probes]


async def _right(session: Session, name: str, action: Action) -> Seen:
    reply = await session.send(action)
    if not reply.ok and "permission denied" in reply.message.lower():
        return Seen(f"right {name}", "", f"missing; add {name} to write= of the account in manager.conf")
    return Seen(f"right {name}", "granted")


async def _pack(session: Session) -> list[Seen]:
    return [await _context(session, name) for name in CONTEXTS]


async def _context(session: Session, name: str) -> Seen:
    try:
        await session.call_list({"Action": "ShowDialPlan", "Context": name})
    except ActionError as error:
        hint = "add #include extensions_seats.conf to extensions.conf and run: dialplan reload"
        return Seen(f"context {name}", "", f"missing ({error.what}); {hint}")
    return Seen(f"context {name}", "present")
