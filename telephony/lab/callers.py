"""Callers: sipp places calls and counts what became of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, Self

from telephony.errors import BadValueError
from telephony.lab.sipp import SDP, Script, Sipp

_REPEATED = 10_000
"""Calls written to the injection file when there is no end; sipp starts over after the last."""
_AT_ONCE = 10_000


class Call(NamedTuple):
    """One call to place. Seconds; 0 patience: waits for ever; 0 talk: until the agent hangs up.

    Patience and talk are kept to 0.1 s, above 10 s to a second.
    """

    number: str
    did: str
    delay_s: float = 0.0
    """Pause between the call's turn and its INVITE, to make arrivals irregular."""
    patience_s: float = 0.0
    talk_s: float = 0.0


class Counts(NamedTuple):
    """What sipp saw: INVITEs sent, 200 OK received, given up unanswered, everything else that ended."""

    placed: int
    answered: int
    abandoned: int
    failed: int


class Fate(NamedTuple):
    """One thing that happened to one call: ``placed``, ``answered``, ``abandoned``, ``failed``, ``ended``."""

    what: str
    number: str
    did: str
    at: float
    """Unix seconds."""
    detail: str
    """SIP status of a failure; who hung up (``caller``, ``callee``) at the end."""


class Callers:
    """Places ``calls`` at ``rate`` per second to a PBX on loopback.

    With ``for_s`` it stops placing after that many seconds; a sequence is placed once, an endless
    iterable without ``for_s`` until :meth:`finish`. Calls under way always go on to their end.
    """

    def __init__(
        self,
        sip_port: int,
        calls: Iterable[Call],
        *,
        rate: float,
        for_s: float | None = None,
    ) -> None:
        if not rate > 0:
            raise BadValueError(where="rate", what=repr(rate), allowed="calls per second, above 0")
        self._target = f"127.0.0.1:{sip_port}"
        self._rate = rate
        chosen, self._total = _batch(calls, rate, for_s)
        scenario = _Scenario(
            (_steps(call.patience_s) for call in chosen), (_steps(call.talk_s) for call in chosen)
        )
        self._lines = "SEQUENTIAL\n" + "".join(_line(call, scenario) for call in chosen)
        self._sipp = Sipp("callers", scenario.text)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Begin to place calls. Raises LabError."""
        rate = ("-r", str(max(1, round(self._rate * 1000))), "-rp", "1000000")
        total = ("-m", str(self._total)) if self._total is not None else ()
        if self._total != 0:
            await self._sipp.start(
                self._target, *rate, *total, "-l", str(_AT_ONCE), "-timer_resol", "2", inject=self._lines
            )

    async def wait(self) -> Counts:
        """Until every call has ended; then the final counts. Raises LabError when sipp failed."""
        await self._sipp.wait()
        return self.counts()

    def finish(self) -> None:
        """Place no more calls; those under way go on."""
        self._sipp.finish()

    @property
    def running(self) -> bool:
        """Calls are being placed or under way."""
        return self._sipp.running

    async def close(self) -> None:
        """End at once; calls under way are left to the PBX to notice."""
        await self._sipp.close()

    def counts(self) -> Counts:
        """The counts so far."""
        whats = [fate.what for fate in self.fates()]
        placed, answered = whats.count("placed"), whats.count("answered")
        abandoned, failed = whats.count("abandoned"), whats.count("failed")
        if not self._sipp.running:  # what the scenario had no line for: sipp gave these up by itself
            failed = placed - answered - abandoned
        return Counts(placed, answered, abandoned, failed)

    def fates(self) -> list[Fate]:
        """Everything that happened so far, in order."""
        return [
            Fate(what, number, did, float(seconds) + float(us) / 1e6, detail)
            for what, seconds, us, number, did, detail in (
                line for line in self._sipp.lines() if len(line) == 6
            )
        ]


async def place(sip_port: int, calls: Sequence[Call], *, rate: float = 10.0) -> Counts:
    """Place the calls, wait for their end, and return the counts."""
    async with Callers(sip_port, calls, rate=rate) as callers:
        return await callers.wait()


async def run_for(sip_port: int, calls: Iterable[Call], *, rate: float, for_s: float) -> Counts:
    """Place calls for some seconds, wait for the last to end, and return the counts."""
    async with Callers(sip_port, calls, rate=rate, for_s=for_s) as callers:
        return await asyncio.shield(callers.wait())


def _batch(calls: Iterable[Call], rate: float, for_s: float | None) -> tuple[list[Call], int | None]:
    """The calls of the injection file, and how many to place (None: no end)."""
    wanted = math.floor(rate * for_s) if for_s is not None else None
    if isinstance(calls, Sequence):
        chosen = list(calls if wanted is None else calls[:wanted])
        return chosen, len(chosen)
    chosen = list(islice(calls, _REPEATED if wanted is None else wanted))
    endless = wanted is None and len(chosen) == _REPEATED
    return chosen, None if endless else len(chosen)


def _line(call: Call, scenario: _Scenario) -> str:
    for name, text in (("number", call.number), ("did", call.did)):
        if not text or any(sign in text for sign in ";\r\n[]"):
            raise BadValueError(
                where=f"call {name}", what=repr(text), allowed="text without ; [ ] or line ends"
            )
    patience = scenario.patience[_steps(call.patience_s)]
    talk = scenario.talk[_steps(call.talk_s)]
    return f"{call.number};{call.did};{round(call.delay_s * 1000)};{patience};{talk}\n"


def _steps(seconds: float) -> int:
    """Milliseconds in steps of 100 ms up to 10 s, of a second above: few branches; 0 stays 0."""
    if seconds <= 0:
        return 0
    return max(100, round(seconds, 1) * 1000 if seconds < 10 else round(seconds) * 1000).__trunc__()


_URI = "sip:[field1]@[remote_ip]:[remote_port]"
_PROVISIONAL = (100, 180, 181, 182, 183)
_REFUSALS = (
    *(400, 401, 403, 404, 407, 408, 410, 415, 420, 480, 481, 482, 484, 486, 487, 488, 491),
    *(500, 501, 502, 503, 504, 580, 600, 603, 604, 606),
)
_OK_BYE = "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
_CONTACT = '<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>'
_CROSSED = '<ereg regexp="INVITE" search_in="hdr" header="CSeq:" assign_to="crossed"/>'


class _Scenario:
    """The callers' scenario. Waiting times of sipp are constants: each one in use has its own branch.

    ``patience`` and ``talk`` map a time in milliseconds to the index of its branch. No message can
    come while sipp is between two states, but for a few turns of its loop; those are caught by
    ``_unexp.main``, so that every call is counted as what it was.
    """

    def __init__(self, patiences: Iterable[int], talks: Iterable[int]) -> None:
        self.patience: dict[int, int] = {}
        self.talk: dict[int, int] = {}
        self._script = script = Script("callers")
        script.written("code", "contact", "crossed")
        self._begin()
        for limit in sorted({0, *patiences}):
            self._ring(limit)
        self._refused()
        self._give_up()
        self._answered()
        for limit in sorted({0, *talks}):
            self._talk(limit)
        self._hang_up()
        self._surprised()
        script.label("end")
        script.do()
        self.text = script.text()

    def _begin(self) -> None:
        self._script.do(
            *(
                f'<assignstr assign_to="text" value="[field{n}]"/>'
                f'<todouble assign_to="{name}" variable="text"/>'
                for n, name in ((2, "delay"), (3, "branch"), (4, "talk"))
            )
        )
        self._script.pause(variable="delay")
        self._script.do('<jump variable="branch"/>')

    def _ring(self, limit: int) -> None:
        script = self._script
        script.landing()
        self.patience[limit] = script.index
        offer = _request("INVITE", "inv", "1 INVITE", tag="", body=SDP)
        script.send(offer, retrans="500", actions=script.log("placed", "[field0]", "[field1]", ""))
        waiting = {"timeout": str(limit), "ontimeout": "give_up"} if limit else {}
        for code in _PROVISIONAL:
            script.recv(response=str(code), optional="true", **waiting)
        self._refusals("refused", **waiting)
        script.recv(response="200", next="answered", actions=_CONTACT + self._log("answered"), **waiting)

    def _refusals(self, label: str, *, but: str = "", **attributes: str) -> None:
        for code in _REFUSALS:
            if str(code) != but:
                note = f'<assignstr assign_to="code" value="{code}"/>'
                self._script.recv(response=str(code), optional="true", next=label, actions=note, **attributes)

    def _refused(self) -> None:
        self._script.label("refused")
        self._script.send(_request("ACK", "inv", "1 ACK"), next="end", actions=self._log("failed", "[$code]"))

    def _give_up(self) -> None:
        script = self._script
        script.landing()
        script.label("give_up")
        script.send(_request("CANCEL", "inv", "1 CANCEL", tag=""), retrans="500")
        waiting = {"timeout": "32000", "ontimeout": "never_answered"}
        branch = {"optional": "true", "test": "crossed", "next": "crossing"}
        script.recv(response="200", actions=_CROSSED + _CONTACT, **branch, **waiting)
        for code in _PROVISIONAL:
            script.recv(response=str(code), optional="true", **waiting)
        self._refusals("given_up", but="487", **waiting)
        script.recv(response="487", next="given_up", **waiting)
        script.label("given_up")
        script.send(_request("ACK", "inv", "1 ACK"), next="end", actions=self._log("abandoned"))
        script.label("never_answered")
        script.do(self._log("failed", "no answer to CANCEL"), next="end")
        script.label("crossing")
        script.send(_request("ACK", "ack", "1 ACK"), next="hang_up", actions=self._log("answered", "crossed"))

    def _answered(self) -> None:
        self._script.label("answered")
        self._script.send(_request("ACK", "ack", "1 ACK"))
        self._script.do('<jump variable="talk"/>')

    def _talk(self, limit: int) -> None:
        self._script.landing()
        self.talk[limit] = self._script.index
        waiting = {"timeout": str(limit), "ontimeout": "hang_up"} if limit else {}
        self._script.recv(request="BYE", next="hung_up", **waiting)

    def _hang_up(self) -> None:
        script = self._script
        script.label("hung_up")
        script.send(_OK_BYE, next="end", actions=self._log("ended", "callee"))
        script.landing()
        script.label("hang_up")
        script.send(_request("BYE", "bye", "2 BYE"), retrans="500", actions=self._log("ended", "caller"))
        waiting = {"timeout": "16000", "ontimeout": "end"}
        script.recv(request="BYE", optional="true", next="both", **waiting)
        script.recv(response="481", optional="true", next="end", **waiting)
        script.recv(response="200", next="end", **waiting)
        script.label("both")
        script.send(_OK_BYE, next="end")

    def _surprised(self) -> None:
        script = self._script
        script.label("_unexp.main")
        script.recv(request="BYE", optional="true", next="hung_up")
        self._refusals("refused")
        script.recv(response="200", optional="true", next="crossing", actions=_CONTACT)
        for code in _PROVISIONAL[:-1]:
            script.recv(response=str(code), optional="true", next="back")
        script.recv(response=str(_PROVISIONAL[-1]), next="back")
        script.label("back")
        script.do(
            '<assign assign_to="return" variable="_unexp.retaddr"/>'
            '<assign assign_to="_unexp.retaddr" value="0"/><jump variable="return"/>'
        )

    def _log(self, what: str, detail: str = "") -> str:
        return self._script.log(what, "[field0]", "[field1]", detail)


def _request(method: str, branch: str, cseq: str, *, tag: str = "[peer_tag_param]", body: str = "") -> str:
    uri = _URI if branch == "inv" else "[$contact]"
    kind = "Content-Type: application/sdp\n" if body else ""
    return f"""{method} {uri} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch}
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]-[call_number]
To: <{_URI}>{tag}
Call-ID: [call_id]
CSeq: {cseq}
Contact: <sip:[local_ip]:[local_port]>
Max-Forwards: 70
{kind}
{body}"""
