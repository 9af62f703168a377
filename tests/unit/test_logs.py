from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from seats.domain.events import CallEnded, OfferEnded, OfferMade, RequestDecided, RequestOpened
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome, Why
from seats.logs import CallLog, configure

NUMBER = "13812345678"
REQUEST = "pbx1:1790000000.42"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure(json=True, stream=stream)
    yield stream
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def entries(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def a_call(number: str = NUMBER) -> list[Any]:
    origin = Origin("hubei", "mobile_prefix", Confidence.LIKELY)
    channel = f"PJSIP/trunk-{number}"
    return [
        RequestOpened(1.0, REQUEST, "pbx1", channel, "1790000000.42", "l", "95500", number, "hubei", origin),
        OfferMade(1.1, "1x1", REQUEST, "hubei", "a1", "hubei", 0, Why(0, "hubei", 12.0, 3, 0.1, 0, 0, 1.0)),
        OfferEnded(3.0, "1x1", REQUEST, "hubei", "a1", OfferResult.CONNECTED, ""),
        RequestDecided(3.0, REQUEST, "hubei", 1.0, Outcome.CONNECTED, "a1", 0.1, 1.9, ""),
        CallEnded(63.0, REQUEST, "hubei", "a1", 60.0, "caller"),
    ]


def test_the_trace_of_a_call_is_one_grep(out: io.StringIO) -> None:
    calls = CallLog()
    calls.sink(a_call())
    calls.flush()
    structlog.get_logger("x").info("something_else", node="pbx1")
    lines = [line for line in out.getvalue().splitlines() if f'"request":"{REQUEST}"' in line]
    found = [json.loads(line) for line in lines]
    said = [e["event"] for e in found]
    assert said == ["request_opened", "offer_made", "offer_ended", "request_decided", "call_ended"]
    assert {e["node"] for e in found} == {"pbx1"}
    assert {e["agent"] for e in found[1:]} == {"a1"}
    assert found[0]["number_masked"] == "138****5678"
    assert {e["level"] for e in found} == {"info"}


@pytest.mark.parametrize(
    "number",
    [
        NUMBER,
        "+8613812345678",
        "008613812345678",
        "02788886666",
        "138 1234 5678",
        "138-1234-5678",
        "8888666",
    ],  # and a hostile neighbourhood below
)
def test_no_number_in_any_way(out: io.StringIO, number: str) -> None:
    log = structlog.get_logger("x")
    log.warning(f"cannot dial {number}", error=f"PJSIP/{number}@trunk", nested={"a": [number]})
    log.warning(
        "hostile", a=f"tel:{number}", b=f"PJSIP/trunk-{number}", c=f"x{number}y", d=f"<{number}>;{number}"
    )
    logging.getLogger("telephony.link").warning("pbx1: action refused: %s", f"number <{number}>")
    try:
        raise ValueError(f"bad number '{number}'")
    except ValueError:
        log.exception("failed", who=ValueError(number))
    for event in a_call(number):
        calls = CallLog()
        calls.sink([event])
        calls.flush()
    text = out.getvalue()
    assert number not in text
    assert number.lstrip("+0")[-11:] not in text
    assert len(entries(out)) == 9


def test_ids_and_times_stay_whole(out: io.StringIO) -> None:
    log = structlog.get_logger("x")
    log.info(
        "repaired",
        subject=REQUEST,
        key="1790000000.42",
        detail="channel 1790000000.42 is gone",
        seconds=86400,
    )
    entry = entries(out)[0]
    assert (entry["subject"], entry["key"]) == (REQUEST, "1790000000.42")
    assert entry["detail"] == "channel 1790000000.42 is gone"
    assert entry["seconds"] == 86400


def test_libraries_speak_json_too(out: io.StringIO) -> None:
    logging.getLogger("telephony.link").warning("%s: link lost: %s", "pbx1", "reset")
    entry = entries(out)[0]
    assert entry["event"] == "pbx1: link lost: reset"
    assert (entry["level"], entry["logger"]) == ("warning", "telephony.link")


def test_debug_is_off_by_default(out: io.StringIO) -> None:
    structlog.get_logger("x").debug("quiet")
    logging.getLogger("y").debug("quiet")
    assert entries(out) == []
