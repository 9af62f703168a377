"""Agents, users and their sessions."""

from __future__ import annotations

import hashlib
import unicodedata
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Text, cast, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from seats.domain.agents import SeatKind
from seats.store import tables as t
from seats.store.door import Door, record
from seats.store.errors import ConflictError, NotFoundError
from seats.store.rows import AgentRow, User

ROLES = ("agent", "supervisor", "admin")

_a, _u, _s = t.agents.c, t.users.c, t.sessions.c
_USER = select(_u.login, _u.name, _u.role, _u.agent_id)


def login_key(login: str) -> str:
    """The one spelling a login is kept in."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


class People(Door):
    """Who takes calls, who may sign in, who is signed in. Every change is audited."""

    # --- agents -----------------------------------------------------------------------------------

    async def agents(self, *, include_inactive: bool = False) -> list[AgentRow]:
        """Agents by id."""
        query = select(*(_a[name] for name in AgentRow._fields)).order_by(_a.id)
        if not include_inactive:
            query = query.where(_a.active)
        async with self.database.read() as connection:
            return [_agent(row) for row in await connection.execute(query)]

    async def agents_mark(self) -> str:
        """What differs whenever the active agents do, for a look that costs little."""
        parts = (_a.id, _a.name, _a.province, _a.seat_kind, _a.seat_address, _a.pools, _a.skills)
        row = reduce(add, (cast(part, Text) + "\x1f" for part in parts))
        query = select(func.aggregate_strings(row, "\x1e")).where(_a.active)
        async with self.database.read() as connection:
            rows = await connection.scalar(query)
        return hashlib.sha256((rows or "").encode("utf-8", "replace")).hexdigest()

    async def agent(self, agent: str) -> AgentRow | None:
        """One agent, active or not."""
        query = select(*(_a[name] for name in AgentRow._fields)).where(_a.id == agent)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        return _agent(row) if row else None

    async def put_agent(self, agent: AgentRow, *, at: float, actor: str) -> None:
        """Add or change an agent. Raise :class:`ConflictError` if another has the seat's address."""
        SeatKind(agent.seat_kind)
        row = {**agent._asdict(), "pools": list(agent.pools), "skills": dict(agent.skills)}
        changed = {name: row[name] for name in row if name != "id"}
        statement = self._upsert(t.agents).on_conflict_do_update(index_elements=["id"], set_=changed)
        try:
            async with self.database.write() as connection:
                await connection.execute(statement, row)
                await record(connection, at, actor, "agent_put", f"agent/{agent.id}", **changed)
        except IntegrityError as error:
            what = f"{agent.seat_address!r} is another agent's"
            raise ConflictError("agents.seat_address", what, "an address of its own") from error

    async def drop_agent(self, agent: str, *, at: float, actor: str) -> None:
        """Take an agent out of service, with its sign-in. Raise :class:`NotFoundError`."""
        async with self.database.write() as connection:
            done = await connection.execute(
                update(t.agents).where(_a.id == agent, _a.active).values(active=False)
            )
            if not done.rowcount:
                raise NotFoundError("agents", f"no active agent has the id {agent!r}", "an agent's id")
            login = await connection.scalar(select(_u.login).where(_u.agent_id == agent))
            if login is not None:
                await self._switch(connection, login, active=False)
            await record(connection, at, actor, "agent_dropped", f"agent/{agent}")

    # --- users ------------------------------------------------------------------------------------

    async def users(self, *, include_inactive: bool = False) -> list[User]:
        """Users by login."""
        query = _USER.order_by(_u.login)
        if not include_inactive:
            query = query.where(_u.active)
        async with self.database.read() as connection:
            return [User(*row) for row in await connection.execute(query)]

    async def add_user(self, user: User, password_hash: str, *, at: float, actor: str) -> None:
        """Add a user. Raise :class:`ConflictError` if the login is taken or the agent does not exist."""
        if user.role not in ROLES:
            raise ConflictError("users.role", f"{user.role!r} is not a role", ", ".join(ROLES))
        login = login_key(user.login)
        if not login or "\0" in login:
            raise ConflictError("users.login", "is empty", "some text")
        row = {**user._asdict(), "login": login, "password_hash": password_hash, "active": True}
        try:
            async with self.database.write() as connection:
                await connection.execute(insert(t.users), row)
                detail = {"role": user.role, "agent_id": user.agent_id, "name": user.name}
                await record(connection, at, actor, "user_added", f"user/{login}", **detail)
        except IntegrityError as error:
            what = f"login {login!r} is taken, or no agent has the id {user.agent_id!r}"
            raise ConflictError("users", what, "a new login, and an existing agent or none") from error

    async def credentials(self, login: str) -> tuple[User, str] | None:
        """An active user and the password's hash; None for anyone else."""
        query = _USER.add_columns(_u.password_hash).where(_u.login == _safe(login_key(login)), _u.active)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        return (User(*row[:4]), row[4]) if row else None

    async def set_password(self, login: str, password_hash: str, *, at: float, actor: str) -> None:
        """Change a password and sign the user out everywhere. Raise :class:`NotFoundError`."""
        key = login_key(login)
        async with self.database.write() as connection:
            await self._change(connection, key, {"password_hash": password_hash})
            await self._sign_out(connection, key)
            await record(connection, at, actor, "password_set", f"user/{key}")

    async def set_active(self, login: str, active: bool, *, at: float, actor: str) -> None:
        """Switch a user on or off; off signs out everywhere. Raise :class:`NotFoundError`."""
        key = login_key(login)
        async with self.database.write() as connection:
            await self._switch(connection, key, active=active)
            await record(connection, at, actor, "user_switched", f"user/{key}", active=active)

    async def set_role(self, login: str, role: str, *, at: float, actor: str) -> None:
        """Change a user's role. Raise :class:`NotFoundError`."""
        if role not in ROLES:
            raise ConflictError("users.role", f"{role!r} is not a role", ", ".join(ROLES))
        key = login_key(login)
        async with self.database.write() as connection:
            await self._change(connection, key, {"role": role})
            await record(connection, at, actor, "role_set", f"user/{key}", role=role)

    # --- sessions ---------------------------------------------------------------------------------

    async def add_session(self, key: str, login: str, at: float, expires_at: float) -> None:
        """Keep a session under the hash of its token. Raise :class:`NotFoundError` for an unknown login."""
        name = login_key(login)
        async with self.database.write() as connection:
            user = await connection.scalar(select(_u.id).where(_u.login == name, _u.active))
            if user is None:
                raise NotFoundError("users", f"no active user has the login {name!r}", "a user's login")
            row = {"token_hash": key, "user_id": user, "created_at": at, "expires_at": expires_at}
            await connection.execute(insert(t.sessions), row)
            await record(connection, at, f"user/{name}", "signed_in", f"user/{name}")

    async def session(self, key: str) -> tuple[User, float] | None:
        """The user of a session and when it ends; None if it ended or its user was switched off."""
        query = _USER.add_columns(_s.expires_at).join(t.sessions, _s.user_id == _u.id)
        query = query.where(_s.token_hash == _safe(key), _u.active)
        async with self.database.read() as connection:
            row = (await connection.execute(query)).first()
        return (User(*row[:4]), row[4]) if row else None

    async def drop_session(self, key: str) -> None:
        """End a session; an unknown one is no error."""
        async with self.database.write() as connection:
            await connection.execute(delete(t.sessions).where(_s.token_hash == _safe(key)))

    async def expire_sessions(self, now: float) -> int:
        """Delete sessions that are over; how many."""
        async with self.database.write() as connection:
            done = await connection.execute(delete(t.sessions).where(_s.expires_at <= now))
            return int(done.rowcount)

    # --- parts ------------------------------------------------------------------------------------

    async def _switch(self, connection: AsyncConnection, login: str, *, active: bool) -> None:
        await self._change(connection, login, {"active": active})
        if not active:
            await self._sign_out(connection, login)

    async def _change(self, connection: AsyncConnection, login: str, values: dict[str, Any]) -> None:
        done = await connection.execute(update(t.users).where(_u.login == _safe(login)).values(values))
        if not done.rowcount:
            raise NotFoundError("users", f"no user has the login {login!r}", "a user's login")

    async def _sign_out(self, connection: AsyncConnection, login: str) -> None:
        user = select(_u.id).where(_u.login == login).scalar_subquery()
        await connection.execute(delete(t.sessions).where(_s.user_id == user))


def _agent(row: Any) -> AgentRow:
    agent = AgentRow(*row)
    return agent._replace(pools=tuple(agent.pools), skills=tuple(sorted(dict(agent.skills).items())))


def _safe(text: str) -> str:
    """Text from outside that is only compared: PostgreSQL refuses NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
