"""What a link takes over from the dialplan's journal, and what it leaves alone."""

from __future__ import annotations

import pytest

from telephony import commands
from telephony.codec import Message, parse
from telephony.errors import ActionRefusedError, BadValueError
from telephony.journal import AT_ONCE, TAKEN_S, read
from telephony.session import Reply

T = 1_795_994_000.0


def record(at: float, cli: str = "13800138000") -> str:
    return f"v1|{at:.3f}|95500|{cli}|PJSIP/trunk-0"


class Pbx:
    """Answers as a PBX that has these lines, globals and records."""

    def __init__(self, *pages: list[str], turned: str = "", place: str = "/var/lib/asterisk/astdb") -> None:
        self.pages, self.turned, self.place = pages, turned, place
        self.asked = 0

    async def call(self, action: commands.Action) -> Reply:
        commands.check(action)
        self.asked += 1
        variable = str(action["Variable"])
        if not variable.startswith("AST_CONFIG("):
            return _reply({"SEATS_TURNED": self.turned, "ASTDBDIR": self.place}[variable])
        path, category, name, index = variable.removeprefix("AST_CONFIG(").removesuffix(")").split(",")
        assert path.startswith(f"{self.place}-seats-") and (category, name) == ("seats", "r")
        page = int(path[-1])
        lines = self.pages[page] if page < len(self.pages) else []
        return _reply(lines[int(index)] if int(index) < len(lines) else "")

    async def read(self) -> dict[str, str]:
        return await read(self.call)


def _reply(value: str) -> Reply:
    headers: Message = parse(f"Response: Success\r\nValue: {value}".encode())
    return Reply(True, "", headers)


async def test_every_line_however_many() -> None:
    lines = [f"1.{n}|{record(T)}|" for n in range(AT_ONCE * 2 + 3)]
    assert await Pbx(lines[:AT_ONCE], lines[AT_ONCE:]).read() == {
        f"1.{n}": record(T) for n in range(len(lines))
    }


async def test_nothing_is_asked_once_somebody_has_called() -> None:
    pbx = Pbx([f"1.1|{record(T)}|"], turned="179599400")
    assert (await pbx.read(), pbx.asked) == ({}, 1)


async def test_of_each_file_the_last_seconds() -> None:
    old = [
        f"1.1|{record(T - 60 - TAKEN_S - 0.01)}|",
        f"1.2|{record(T - 60 - TAKEN_S)}|",
        f"1.3|{record(T - 60)}|",
    ]
    assert await Pbx([f"2.1|{record(T)}|"], old).read() == {
        "2.1": record(T),
        "1.2": record(T - 60 - TAKEN_S),
        "1.3": record(T - 60),
    }


@pytest.mark.parametrize(
    "line",
    [
        f"1.1|{record(T)}",  # cut off
        "1.1|v1|",
        f"1.1|{record(T)}|more|",
        f"1.1|v2{record(T)[2:]}|",
        f"1,1)|{record(T)}|",
        f"|{record(T)}|",
        "1.1|v1|1.2.3.4|95500|1|PJSIP/x|",
    ],
)
async def test_what_is_no_line_is_skipped(line: str) -> None:
    taken = await Pbx([line, f"1.2|{record(T)}|"]).read()
    assert taken == {"1.2": record(T)} or taken.keys() == {"1.2"}


@pytest.mark.parametrize("place", ["", "relative", "/a b", "/x),y", "/x\ty"])
async def test_a_pbx_that_tells_no_usable_place_is_no_hindrance(place: str) -> None:
    assert await Pbx([f"1.1|{record(T)}|"], place=place).read() == {}


async def test_a_refusal_is_no_hindrance() -> None:
    async def refused(action: commands.Action) -> Reply:
        raise ActionRefusedError("Permission denied", "n1")

    assert await read(refused) == {}


def test_a_path_that_must_not_reach_the_pbx() -> None:
    with pytest.raises(BadValueError):
        commands.journal_line("/var/lib,x", 0, 0)
