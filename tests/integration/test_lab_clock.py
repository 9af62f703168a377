"""The time at which a request came, as the dialplan pack of a real Asterisk takes it."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from telephony.lab import LabPbx
from telephony.lab.conf import default_pack
from tests.integration.phone import Phone

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

TURNS, LOOKS = 3, 100
WATCH = f"""
[seats-inbound]
exten => 7002,1,Wait($[1 - ${{STRFTIME(,,%3q)}} / 1000 - 0.01])
 same => n,Set(N=0)
 same => n(look),Gosub(seats-time,s,1)
 same => n,ExecIf($[${{SEATS_ARRIVED}} < 0${{LAST}}]?Set(GLOBAL(BACK)=${{BACK}} ${{LAST}}>${{SEATS_ARRIVED}}))
 same => n,Set(LAST=${{SEATS_ARRIVED}})
 same => n,Set(N=$[${{N}} + 1])
 same => n,GotoIf($[${{N}} < {LOOKS}]?look)
 same => n,Set(TURN=$[0${{TURN}} + 1])
 same => n,GotoIf($[${{TURN}} < {TURNS}]?1)
 same => n,Set(GLOBAL(LAST)=${{SEATS_ARRIVED}})
 same => n,Wait(20)
"""


async def test_the_time_does_not_jump_at_the_turn_of_a_second(tmp_path: Path) -> None:
    """Looked at many times around three turns, it never goes back, and it is the time."""
    pack = tmp_path / "pack"
    shutil.copytree(default_pack(), pack)
    with (pack / "extensions_seats.conf").open("a") as file:
        file.write(WATCH)
    async with LabPbx([("sip", "sip000")], pack=pack) as lab:
        async with Phone(lab.sip_port, did="7002"):
            for _ in range(100):
                await asyncio.sleep(0.2)
                if "LAST=" in (said := await lab.asterisk_cli("dialplan show globals")):
                    break
        told = dict(line.strip().split("=", 1) for line in said.splitlines() if "=" in line)
        assert "BACK" not in told, told["BACK"]
        assert abs(float(told["LAST"]) - time.time()) < 5.0
