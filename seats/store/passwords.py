"""Passwords as Argon2id hashes (RFC 9106, its low-memory profile, the library's default).

Both take tens of milliseconds on purpose: call them by ``asyncio.to_thread`` from an event loop.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to store."""
    return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def verify_password(stored: str, password: str) -> bool:
    """Whether the password is right; False as well for a ``stored`` that is no hash."""
    try:
        return _HASHER.verify(stored, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker settings than today's: hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(stored)
