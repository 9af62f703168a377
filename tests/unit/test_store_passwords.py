from __future__ import annotations

from seats.store.passwords import hash_password, is_outdated, verify_password


def test_right_and_wrong() -> None:
    stored = hash_password("密码 correct horse")
    assert stored.startswith("$argon2id$")
    assert verify_password(stored, "密码 correct horse")
    assert not verify_password(stored, "密码 correct hors")
    assert not is_outdated(stored)


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_password("x") != hash_password("x")


def test_nothing_raises() -> None:
    stored = hash_password("x")
    assert not verify_password("", "x")
    assert not verify_password("plain text", "plain text")
    assert not verify_password(stored, "\ud800\0" * 1000)
    assert not verify_password(stored[:-4], "x")
