"""Errors of the telephony room say what, where and what is allowed."""

from __future__ import annotations

import pytest

from telephony import errors


def test_an_error_says_what_where_and_what_is_allowed() -> None:
    error = errors.BadValueError("'x y'", "channel", "TECH/name")
    assert str(error) == "channel: 'x y'; allowed: TECH/name"
    assert (error.what, error.where, error.allowed) == ("'x y'", "channel", "TECH/name")
    assert str(errors.LinkLostError("closed", "pbx1:5038")) == "pbx1:5038: closed"


@pytest.mark.parametrize(
    "kind",
    [
        errors.BadValueError,
        errors.UnreachableError,
        errors.LoginRefusedError,
        errors.LinkLostError,
        errors.ActionTimeoutError,
        errors.ActionRefusedError,
    ],
)
def test_all_have_one_root(kind: type[errors.TelephonyError]) -> None:
    assert issubclass(kind, errors.TelephonyError)


def test_a_bad_value_is_also_a_value_error() -> None:
    assert issubclass(errors.BadValueError, ValueError)
