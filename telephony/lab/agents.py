"""Simulated agents at home: sipp answers, ignores or refuses calls for many seats on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, Self

from telephony.lab.errors import LabError
from telephony.lab.registrar import Registrar, Seat
from telephony.lab.sipp import SDP, Script, Sipp

_AT_ONCE = 10_000
_PATIENT = ("-default_behaviors", "all,-abortunexp")
"""A request that a slow PBX sends again is no reason to drop the call, as sipp would do."""
_FOR_EVER_MS = 2_000_000_000


class Behaviour(NamedTuple):
    """What an agent does with a ring. Ranges are seconds, drawn evenly for each call."""

    answers_after: tuple[float, float] | None = (1.0, 3.0)
    """None: lets it ring."""
    talks_for: tuple[float, float] | None = None
    """None: until the caller hangs up."""
    refuses_with: int = 0
    """SIP status sent instead of ringing, such as 486 (busy)."""


ANSWERS = Behaviour()
ANSWERS_AT_ONCE = Behaviour(answers_after=(0.0, 0.0))
IGNORES = Behaviour(answers_after=None)
BUSY = Behaviour(refuses_with=486)


class Ring(NamedTuple):
    """One thing that happened at an agent's phone: ``ring``, ``answer``, ``cancel``, ``bye``, ``hangup``."""

    what: str
    address: str
    offer: str
    """The name shown with the number: the offer, or ``fallback``."""
    shown: str
    """Caller's number as shown to the agent."""
    at: float
    """Unix seconds."""


class SimAgents:
    """Registers seats at the PBX and plays their agents.

    ``seats`` maps the address of a SIP seat to its behaviour, ``secrets`` to its password. Agents of
    one behaviour share a port and a sipp process.
    """

    def __init__(self, sip_port: int, seats: Mapping[str, Behaviour], secrets: Mapping[str, str]) -> None:
        missing = sorted(set(seats) - set(secrets))
        if missing:
            raise LabError(f"no secret for seat {missing[0]}")
        self._seats = dict(seats)
        self._secrets = dict(secrets)
        self._phones: dict[Behaviour, Sipp] = {}
        self._registrar = Registrar(sip_port)
        self._sip_port = sip_port

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the phones and register every seat. Raises LabError."""
        await self._registrar.open()
        for behaviour in sorted(set(self._seats.values()), key=str):
            await self._phone(behaviour)
        await asyncio.gather(*(self.come(address) for address in self._seats))

    async def come(self, address: str, behaviour: Behaviour | None = None) -> None:
        """The agent is at the phone, with the same or another behaviour from the next ring on."""
        if behaviour is not None:
            self._seats[address] = behaviour
        phone = await self._phone(self._seats[address])
        await self._registrar.register(self._seat(address), phone.port)

    async def leave(self, address: str) -> None:
        """The agent's phone is unregistered."""
        await self._registrar.unregister(self._seat(address))

    async def vanish(self, behaviour: Behaviour) -> None:
        """All phones of a behaviour die at once, calls included, without a word to the PBX."""
        phone = self._phones.pop(behaviour, None)
        if phone is not None:
            await phone.close()

    async def close(self) -> None:
        """End everything at once; registrations are left to expire."""
        self._registrar.close()
        for phone in self._phones.values():
            await phone.close()
        self._phones.clear()

    def rings(self) -> list[Ring]:
        """What happened at the phones so far, in the order of time."""
        rings = [ring for phone in self._phones.values() for ring in phone_lines(phone)]
        return sorted(rings, key=lambda ring: ring.at)

    async def _phone(self, behaviour: Behaviour) -> Sipp:
        if behaviour not in self._phones:
            phone = Sipp("agents", phone_scenario(behaviour))
            self._phones[behaviour] = phone
            await phone.start("-l", str(_AT_ONCE), "-timer_resol", "2", *_PATIENT)
        return self._phones[behaviour]

    def _seat(self, address: str) -> Seat:
        return Seat(address, self._secrets[address])


def phone_lines(phone: Sipp) -> list[Ring]:
    """What happened at the phones of one process so far."""
    return [
        Ring(what, address, offer, shown, float(seconds) + float(us) / 1e6)
        for what, seconds, us, address, offer, shown in (line for line in phone.lines() if len(line) == 6)
    ]


_REPLY = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
"""
_TAG = ";tag=[pid]-[call_number]"
_TO_INVITE = """SIP/2.0 {status}
Via:[$via]
From:[$from]
To:[$to];tag=[pid]-[call_number]
[last_Call-ID:]
CSeq: [$cseq] INVITE
Contact: <sip:[local_ip]:[local_port]>
"""
_BYE = """BYE [$contact] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-bye
From:[$to];tag=[pid]-[call_number]
To:[$from]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
"""


def _header(name: str, variable: str, regexp: str = ".*") -> str:
    return f'<ereg regexp="{regexp}" search_in="hdr" header="{name}:" assign_to="{variable}"/>'


def _draw(spread: tuple[float, float], name: str) -> str:
    low, high = (round(edge * 1000) for edge in spread)
    if high <= low:
        return f'<assign assign_to="{name}" value="{low}"/>'
    return f'<sample assign_to="{name}" distribution="uniform" min="{low}" max="{high}"/>'


def phone_scenario(behaviour: Behaviour) -> str:
    """What one phone does. CANCEL and BYE are globally optional: they are taken in every later state."""
    script = Script("agents")
    script.written("via", "from", "to", "cseq", "contact", "address", "offer", "shown", "whole")
    script.recv(request="OPTIONS", optional="true", next="asked")
    script.recv(request="INVITE", next="rung", actions=_noted(script))
    script.recv(request="CANCEL", optional="global", next="cancelled", actions=_log(script, "cancel"))
    script.recv(request="BYE", optional="global", next="hung_up")
    script.recv(request="NOTHING")  # never reached: sipp wants optional ones to end with another
    script.label("rung")
    if behaviour.refuses_with:
        script.send(_REPLY.format(status=f"{behaviour.refuses_with} No", tag=_TAG), retrans="500")
        script.recv(request="ACK", next="end")
    else:
        _ring(script, behaviour)
    script.label("cancelled")
    script.send(_REPLY.format(status="200 OK", tag=_TAG))
    script.send(_TO_INVITE.format(status="487 Request Terminated"), retrans="500")
    script.recv(request="ACK", next="end")
    script.label("hung_up")
    script.send(_REPLY.format(status="200 OK", tag=""), next="end", actions=_log(script, "bye"))
    script.label("asked")
    script.send(_REPLY.format(status="200 OK", tag=_TAG), next="end")
    script.label("end")
    script.do()
    return script.text()


def _noted(script: Script) -> str:
    return (
        _header("Via", "via")
        + _header("From", "from")
        + _header("To", "to")
        + _header("CSeq", "cseq", "[0-9]+")
        + _header("Contact", "contact", "sip:[^>]*")
        + '<ereg regexp="sip:([^@]*)@" search_in="msg" assign_to="whole,address"/>'
        + '<ereg regexp="sip:([^@]*)@" search_in="hdr" header="From:" assign_to="whole,shown"/>'
        + _header("From", "offer", "[0-9a-z]+")
        + _log(script, "ring")
    )


def _ring(script: Script, behaviour: Behaviour) -> None:
    script.send(_REPLY.format(status="180 Ringing", tag=_TAG))
    if behaviour.answers_after is None:
        script.pause(milliseconds=str(_FOR_EVER_MS))
        return
    script.do(_draw(behaviour.answers_after, "wait"))
    script.pause(variable="wait")
    answer = f"{_TO_INVITE.format(status='200 OK')}Content-Type: application/sdp\n\n{SDP}"
    script.send(answer, retrans="500", actions=_log(script, "answer"))
    script.recv(request="CANCEL", optional="true", next="too_late")
    script.recv(request="ACK", next="talking")
    script.label("too_late")
    script.send(_REPLY.format(status="200 OK", tag=_TAG))
    script.recv(request="ACK", next="talking")
    script.label("talking")
    _talk(script, behaviour.talks_for)


def _talk(script: Script, talks_for: tuple[float, float] | None) -> None:
    if talks_for is None:
        script.pause(milliseconds=str(_FOR_EVER_MS))
    else:
        script.do(_draw(talks_for, "wait"))
        script.pause(variable="wait")
    waiting = {"timeout": "16000", "ontimeout": "end"}
    script.send(_BYE, retrans="500", actions=_log(script, "hangup"))
    script.recv(request="BYE", optional="true", next="both", **waiting)
    script.recv(response="481", optional="true", next="end", **waiting)
    script.recv(response="200", next="end", **waiting)
    script.label("both")
    script.send(_REPLY.format(status="200 OK", tag=""), next="end")


def _log(script: Script, what: str) -> str:
    return script.log(what, "[$address]", "[$offer]", "[$shown]")
