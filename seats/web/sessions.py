"""Who is signed in: server-side sessions behind a random token.

An own small thing rather than aiohttp-session: sessions must end at once on every open socket, tokens
must be stored only as hashes, and sign-in must be throttled; that library has no place for any of these.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from seats.store import Store
from seats.store.passwords import hash_password, verify_password
from seats.store.people import login_key
from seats.store.rows import User
from seats.web.errors import BadCredentialsError, NotSignedInError, TooManyTriesError, UnavailableError
from seats.web.throttle import Limits, Throttle

COOKIE = "seats_session"
RECHECK_S = 30.0
"""How soon a session ended elsewhere (another process, an admin) closes its sockets here, seconds."""
VERIFIERS = 2
"""Passwords verified at a time: each takes tens of megabytes for tens of milliseconds."""
QUEUED = 32
"""Sign-ins that may wait for a verifier; more are refused."""
MAX_PASSWORD = 1024
MAX_LOGIN = 100

BY_LOGIN = Limits(free=5, longest=60.0)
BY_ADDRESS = Limits(free=50, longest=60.0)
"""An address may be a whole office: it gets more tries, and only failures count."""

log = structlog.get_logger(__name__)
OnEnd = Callable[[], Coroutine[Any, Any, object]]


class SignedIn(NamedTuple):
    """A live session. ``key`` is the hash of its token; ``expires_at`` Unix seconds."""

    user: User
    key: str
    csrf: str
    expires_at: float


class Passwords(NamedTuple):
    """How passwords are hashed and verified; both take long and run in a thread."""

    hash: Callable[[str], str]
    verify: Callable[[str, str], bool]
    """(hash, password) → right or wrong; never raises for a wrong one."""


ARGON2 = Passwords(hash_password, verify_password)


class Sessions:
    """Signing in and out, and the sockets that must close when a session ends."""

    def __init__(self, store: Store, passwords: Passwords, now: Callable[[], float], *, hours: float) -> None:
        self._store, self._passwords, self._now = store, passwords, now
        self._lifetime = hours * 3600
        self._by_login, self._by_address = Throttle(BY_LOGIN), Throttle(BY_ADDRESS)
        self._verifiers = asyncio.Semaphore(VERIFIERS)
        self._waiting = 0
        self._dummy = ""
        self._watched: dict[str, tuple[float, list[OnEnd]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[object]] = set()

    # --- signing in and out -----------------------------------------------------------------------

    async def sign_in(self, login: str, password: str, address: str) -> tuple[SignedIn, str]:
        """A new session and its token. Raise :class:`BadCredentialsError` or :class:`TooManyTriesError`."""
        self._admit(login, address)
        found = await self._store.credentials(login)
        right = await self._verify(found[1] if found else "", password)
        if found is None or not right:
            self._by_address.fail(address, self._now())
            log.warning("sign_in_failed", address=address)
            raise BadCredentialsError("unknown login or wrong password")
        self._by_login.forgive(login_key(login))
        return await self._open(found[0])

    async def of(self, request: web.Request) -> SignedIn:
        """The session of a request. Raise :class:`NotSignedInError`."""
        token = request.cookies.get(COOKIE, "")
        if not 20 <= len(token) <= 100:
            raise NotSignedInError("sign in first")
        return await self._find(key_of(token), csrf_of(token))

    async def sign_out(self, signed_in: SignedIn) -> None:
        """End the session here and now, with all its sockets."""
        await self._store.drop_session(signed_in.key)
        self._end(signed_in.key)

    def watch(self, signed_in: SignedIn, on_end: OnEnd) -> Callable[[], None]:
        """Have ``on_end`` run when the session ends; the answer stops that."""
        _, watchers = self._watched.setdefault(signed_in.key, (signed_in.expires_at, []))
        watchers.append(on_end)

        def forget() -> None:
            with suppress(ValueError):
                watchers.remove(on_end)
            if not watchers and self._watched.get(signed_in.key, (0.0, None))[1] is watchers:
                del self._watched[signed_in.key]

        return forget

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Prepare the hash that unknown logins are verified against, and watch the sessions in use."""
        self._dummy = await asyncio.to_thread(self._passwords.hash, secrets.token_urlsafe(16))
        self._task = asyncio.create_task(self._recheck(), name="session recheck")

    async def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                await self.recheck()
            except Exception:
                log.exception("sessions could not be looked up")

    async def recheck(self) -> None:
        """Forget sessions that are over; close the sockets of those, and of any ended elsewhere."""
        await self._store.expire_sessions(self._now())
        for key, (expires_at, _) in list(self._watched.items()):
            if expires_at <= self._now() or await self._store.session(key) is None:
                self._end(key)

    # --- parts ------------------------------------------------------------------------------------

    def _admit(self, login: str, address: str) -> None:
        """Count the attempt against the login until it proves good: parallel guesses gain nothing."""
        now, name = self._now(), login_key(login)
        wait = max(self._by_login.wait(name, now), self._by_address.wait(address, now))
        if wait > 0:
            raise TooManyTriesError(wait)
        if self._waiting >= QUEUED:
            raise UnavailableError("too many people sign in at once", headers={"Retry-After": "2"})
        self._by_login.fail(name, now)

    async def _verify(self, stored: str, password: str) -> bool:
        """An unknown login takes as long as a wrong password."""
        self._waiting += 1
        try:
            async with self._verifiers:
                right = await asyncio.to_thread(self._passwords.verify, stored or self._dummy, password)
        finally:
            self._waiting -= 1
        return right and bool(stored)

    async def _open(self, user: User) -> tuple[SignedIn, str]:
        token = secrets.token_urlsafe(32)
        now = self._now()
        signed_in = SignedIn(user, key_of(token), csrf_of(token), now + self._lifetime)
        await self._store.add_session(signed_in.key, user.login, now, signed_in.expires_at)
        log.info("signed_in", role=user.role)
        return signed_in, token

    async def _find(self, key: str, csrf: str) -> SignedIn:
        found = await self._store.session(key)
        if found is None or found[1] <= self._now():
            raise NotSignedInError("the session has ended")
        return SignedIn(found[0], key, csrf, found[1])

    def _end(self, key: str) -> None:
        """Close the session's sockets, without waiting for pages that do not answer."""
        for on_end in self._watched.pop(key, (0.0, []))[1]:
            task = asyncio.create_task(on_end())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def key_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """The CSRF token that goes with a session token: derived, so nothing more needs storing."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()
