"""Realtime priority: taken where it is allowed, by the one thread only, and missed without harm."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable
from typing import Any

import pytest

from seats.priority import LEVEL, take_realtime


def in_a_thread(work: Callable[[], Any]) -> Any:
    """So that the tests themselves stay ordinary."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def policy() -> tuple[int, int]:
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(0).sched_priority


def test_it_is_of_this_thread_and_of_none_that_it_starts() -> None:
    def work() -> tuple[bool, tuple[int, int], tuple[int, int]]:
        return take_realtime(), policy(), in_a_thread(policy)

    before = policy()
    taken, own, child = in_a_thread(work)
    assert (own == (os.SCHED_RR, LEVEL)) is taken
    assert child[0] != os.SCHED_RR
    assert policy() == before


def test_where_only_a_lower_level_is_allowed_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def allow_three(_pid: int, _policy: int, param: os.sched_param) -> None:
        asked.append(param.sched_priority)
        if param.sched_priority > 3:
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", allow_three)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (3, 3))
    assert take_realtime() is True
    assert asked == [LEVEL, 3]


def test_a_system_that_does_not_allow_it_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (0, 0))
    assert take_realtime() is False
