"""Adding and removing people from the command line, and the PBX configuration of their seats."""

from __future__ import annotations

import asyncio
import re
import time
from typing import NamedTuple

from seats.domain.agents import SeatKind
from seats.domain.callback_settings import Dial
from seats.domain.plan import Plan
from seats.domain.regions import BY_CODE
from seats.errors import Problem, SeatsError, SettingsError
from seats.planfile import load_plan
from seats.service import live_plan, open_store
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.people import login_key
from seats.store.rows import AgentRow, User
from telephony.provisioning import render_manager, render_pjsip, seat_secret

ROLES = ("agent", "supervisor", "admin")
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_ADDRESS = re.compile(r"[A-Za-z0-9_]{1,32}")
_NUMBER = re.compile(r"\+?[0-9]{5,20}")
_LEVEL = re.compile(r"[0-9]|10", re.ASCII)
SHORTEST_PASSWORD = 8


class BadPersonError(SeatsError):
    """A person who cannot be added as asked."""

    def __init__(self, key: str, what: str, allowed: str) -> None:
        super().__init__(f"{key}: {what}; allowed: {allowed}")


class Wish(NamedTuple):
    """What the command line asked for."""

    login: str
    role: str
    name: str
    province: str
    pools: str
    seat: str
    password: str
    skills: tuple[str, ...] = ()
    """Each ``SKILL:LEVEL``."""


async def add(settings: Settings, wish: Wish) -> str:
    """Add the person; a line that says what was done. Raises :class:`BadPersonError`, :class:`StoreError`."""
    agent = await _agent(settings, wish) if _checked_role(wish) == "agent" else None
    store = await open_store(settings)
    try:
        hashed = await asyncio.to_thread(hash_password, wish.password)
        now = time.time()
        if agent is not None:
            await store.put_agent(agent, at=now, actor="command line")
        user = User(wish.login, wish.name, wish.role, agent.id if agent else None)
        await store.add_user(user, hashed, at=now, actor="command line")
    finally:
        await store.close()
    if agent is None:
        return f"added {wish.role} {wish.login}"
    seat = f"{agent.seat_kind}:{agent.seat_address}"
    return f"added agent {wish.login}: seat {seat}, pools {', '.join(agent.pools)}"


async def remove(settings: Settings, login: str, *, erase: bool) -> str:
    """Take someone out of service, with the agent's seat if there is one; a line about it."""
    store = await open_store(settings)
    try:
        now = time.time()
        known = {u.login: u for u in await store.users(include_inactive=True)}
        user = known.get(login_key(login))
        agent = await store.agent(user.agent_id if user and user.agent_id else login)
        if agent is None:
            await store.set_active(login, False, at=now, actor="command line")
            return f"{login} cannot sign in any more"
        if agent.active:
            await store.drop_agent(agent.id, at=now, actor="command line")
        if erase:
            await store.erase_agent(agent.id, at=now, actor="command line")
    finally:
        await store.close()
    return f"{agent.id} is out of service" + (", and the name is erased" if erase else "")


async def set_password(settings: Settings, login: str, password: str) -> str:
    """Give someone a new password and end their sessions; a line about it."""
    _checked_password(password)
    store = await open_store(settings)
    try:
        hashed = await asyncio.to_thread(hash_password, password)
        await store.set_password(login, hashed, at=time.time(), actor="command line")
    finally:
        await store.close()
    return f"{login} has a new password and is signed out everywhere"


async def provision(settings: Settings) -> str:
    """The PJSIP configuration of every agent's browser or SIP seat."""
    master = settings.phone.master_secret.get_secret_value()
    if not master:
        problem = Problem("settings", "phone.master_secret", "is empty", "16 characters or more")
        raise SettingsError([problem])
    store = await open_store(settings)
    try:
        agents = await store.agents()
    finally:
        await store.close()
    return render_pjsip(
        (a.seat_kind, a.seat_address, seat_secret(master, a.seat_address))
        for a in agents
        if a.seat_kind != SeatKind.MOBILE
    )


async def manager_account(settings: Settings, permit: str) -> str:
    """The AMI account of the first node, for a service at ``permit``.

    It may place calls if the live plan calls people back. Raises :class:`BadValueError` for a secret no file can hold.
    """
    node = settings.pbx[0]
    calls = (await live_plan(settings)).callbacks.dial is not Dial.OFF
    return render_manager(node.username, node.secret.get_secret_value(), permit=permit, calls=calls)


def _checked_role(wish: Wish) -> str:
    if not _LOGIN.fullmatch(wish.login):
        raise BadPersonError(
            "login", f"{wish.login!r}", "1 to 64 of A-Z a-z 0-9 _ . @ -, a letter or digit first"
        )
    if wish.role not in ROLES:
        raise BadPersonError("--role", f"{wish.role!r}", ", ".join(ROLES))
    _checked_password(wish.password)
    return wish.role


def _checked_password(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise BadPersonError("password", "is too short", f"{SHORTEST_PASSWORD} characters or more")


async def _agent(settings: Settings, wish: Wish) -> AgentRow:
    if wish.province not in BY_CODE:
        raise BadPersonError("--province", f"{wish.province!r}", ", ".join(BY_CODE))
    kind, _, address = wish.seat.partition(":")
    kinds = [k.value for k in SeatKind]
    pattern = _NUMBER if kind == SeatKind.MOBILE else _ADDRESS
    if kind not in kinds or not pattern.fullmatch(address):
        raise BadPersonError("--seat", f"{wish.seat!r}", "browser:NAME, sip:NAME or mobile:NUMBER")
    plan = await _plan(settings)
    known = plan.pools
    wanted = [p for p in wish.pools.split(",") if p] or [
        wish.province,
        BY_CODE[wish.province].region,
        "nation",
    ]
    for pool in wanted:
        if pool not in known:
            raise BadPersonError("--pools", f"unknown pool {pool!r}", ", ".join(sorted(known)))
    skills = _skills(wish.skills, plan)
    return AgentRow(wish.login, wish.name, wish.province, tuple(wanted), kind, address, skills=skills)


def _skills(wanted: tuple[str, ...], plan: Plan) -> tuple[tuple[str, int], ...]:
    """(skill, level) of each ``SKILL:LEVEL``, by skill."""
    found: dict[str, int] = {}
    for each in wanted:
        skill, _, level = each.partition(":")
        if skill not in plan.skills:
            allowed = ", ".join(sorted(plan.skills)) or "none: the routing declares no skills"
            raise BadPersonError("--skill", f"unknown skill {skill!r}", allowed)
        if not _LEVEL.fullmatch(level):
            raise BadPersonError("--skill", f"{each!r} has no such level", f"{skill}:0 to {skill}:10")
        if skill in found:
            raise BadPersonError("--skill", f"{skill!r} is given twice", "each skill once")
        found[skill] = int(level)
    return tuple(sorted(found.items()))


async def _plan(settings: Settings) -> Plan:
    store = await open_store(settings)
    try:
        return await store.latest_plan() or load_plan(settings.routing)
    finally:
        await store.close()
