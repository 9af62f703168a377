"""Callers: sipp places calls and counts what became of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple, Self

from telephony.errors import BadValueError
from telephony.lab.sipp import PLAY, SDP, SOUND_SDP, Script, Sipp

_REPEATED = 10_000
"""Calls written to the injection file when there is no end; sipp starts over after the last."""
_AT_ONCE = 10_000
_FOR_EVER_S = 2_000_000.0


class Call(NamedTuple):
    """One call to place. Seconds; 0 patience: waits for ever; 0 talk: until the agent hangs up."""

    number: str
    did: str
    delay_s: float = 0.0
    """Pause between the call's turn and its INVITE, to make arrivals irregular."""
    patience_s: float = 0.0
    talk_s: float = 0.0
    sound: bool = False
    """Speaks, from the answer on; costs 50 packets a second each way."""


class Counts(NamedTuple):
    """What sipp saw: INVITEs sent, 200 OK received, given up unanswered, everything else that ended."""

    placed: int
    answered: int
    abandoned: int
    failed: int


class Fate(NamedTuple):
    """What happened to a call: ``placed``, ``answered``, ``abandoned``, ``failed``, ``ended``, ``held``.

    The last is told of each 183: the PBX's dialplan has the call.
    """

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
    No more than ``at_once`` are under way at a time: the next waits until one has ended.
    """

    def __init__(
        self,
        sip_port: int,
        calls: Iterable[Call],
        *,
        rate: float,
        for_s: float | None = None,
        at_once: int = _AT_ONCE,
    ) -> None:
        if not rate > 0:
            raise BadValueError(where="rate", what=repr(rate), allowed="calls per second, above 0")
        self._target = f"127.0.0.1:{sip_port}"
        self._rate, self._at_once = rate, at_once
        chosen, self._total = _batch(calls, rate, for_s)
        self._sound = any(call.sound for call in chosen)
        self._lines = "SEQUENTIAL\n" + "".join(map(_line, chosen))
        self._sipp = Sipp("callers", _scenario(sound=self._sound))

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
                *(self._target, *rate, *total, "-l", str(self._at_once), "-timer_resol", "2"),
                inject=self._lines,
                sound=self._sound,
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
            Fate(what, number, did, float(seconds) + float(us or 0) / 1e6, detail)
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


def _line(call: Call) -> str:
    for name, text in (("number", call.number), ("did", call.did)):
        if not text or any(sign in text for sign in ";\r\n[]"):
            raise BadValueError(
                where=f"call {name}", what=repr(text), allowed="text without ; [ ] or line ends"
            )
    times = (call.delay_s, call.patience_s or _FOR_EVER_S, call.talk_s or _FOR_EVER_S)
    fields = (call.number, call.did, *(str(round(s * 1000)) for s in times), str(int(call.sound)))
    return ";".join(fields) + "\n"


_URI = "sip:[field1]@[remote_ip]:[remote_port]"
_PROVISIONAL = (100, 180, 181, 182, 183)
_REFUSALS = (
    *(400, 401, 403, 404, 407, 408, 410, 415, 420, 480, 481, 482, 484, 486, 487, 488, 491),
    *(500, 501, 502, 503, 504, 580, 600, 603, 604, 606),
)
_OK_BYE = "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
_CONTACT = '<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>'
_CROSSED = '<ereg regexp="INVITE" search_in="hdr" header="CSeq:" assign_to="crossed"/>'


@cache
def _scenario(*, sound: bool) -> str:
    """What one caller does; with ``sound`` those speak who shall.

    Whatever may come at any time stands behind the INVITE, jumped over, as globally optional: sipp
    takes it in every later state, pauses included, so that no message falls between two states.
    """
    script = Script("callers")
    script.written("code", "contact", "crossed")
    numbers = (*_TIMES, *(((5, "sound"),) if sound else ()))
    script.do(*(_number(n, name) for n, name in numbers))
    script.pause(variable="delay")
    if sound:
        script.do(_SPEAKS, test="speaks", next="speaking")
        _invite(script, SDP)
        script.label("speaking")
    _invite(script, SOUND_SDP if sound else SDP)
    for code in _PROVISIONAL:
        seen = _log(script, "held") if code == 183 else ""
        script.recv(response=str(code), optional="global", next="held", actions=seen)
    _refusals(script, "refused", optional="global")
    script.recv(
        response="200", optional="global", next="answered", actions=_CONTACT + _log(script, "answered")
    )
    script.recv(request="BYE", optional="global", next="hung_up")
    script.recv(request="NOTHING")  # never reached: sipp wants optional ones to end with another
    script.label("held")
    script.do(_LEFT, test="over", next="give_up")
    script.pause(variable="left")
    _give_up(script)
    script.label("refused")
    script.send(_request("ACK", "inv", "1 ACK"), next="end", actions=_log(script, "failed", "[$code]"))
    script.label("answered")
    script.send(_request("ACK", "ack", "1 ACK"))
    if sound:
        script.do(test="silent", next="talking")
        script.do(PLAY)
        script.label("talking")
    script.pause(variable="talk")
    _hang_up(script)
    script.label("end")
    script.do()
    return script.text()


def _invite(script: Script, sdp: str) -> None:
    offer = _request("INVITE", "inv", "1 INVITE", tag="", body=sdp)
    script.send(offer, retrans="500", next="held", actions=_log(script, "placed") + _BEGAN)


_TIMES = ((2, "delay"), (3, "patience"), (4, "talk"))
_SPEAKS = """<test assign_to="speaks" variable="sound" compare="equal" value="1"/>
<test assign_to="silent" variable="sound" compare="equal" value="0"/>"""
_BEGAN = '<assign assign_to="began" variable="at"/><assign assign_to="began_us" variable="us"/>'
_LEFT = """<gettimeofday assign_to="at,us"/><assign assign_to="left" variable="began_us"/>
<subtract assign_to="left" variable="us"/><divide assign_to="left" value="1000000"/>
<add assign_to="left" variable="began"/><subtract assign_to="left" variable="at"/>
<multiply assign_to="left" value="1000"/><add assign_to="left" variable="patience"/>
<test assign_to="over" variable="left" compare="less_than" value="1"/>"""
"""Milliseconds of patience that are left; sipp begins a wait anew with every provisional answer."""


def _give_up(script: Script) -> None:
    waiting = {"timeout": "8000", "ontimeout": "never_ended"}
    branch = {"optional": "true", "test": "crossed", "next": "crossing"}
    script.label("give_up")
    script.send(_request("CANCEL", "inv", "1 CANCEL", tag=""), retrans="500")
    script.recv(response="200", actions=_CROSSED + _CONTACT, **branch, **waiting)
    _refusals(script, "given_up", but="487", optional="true", **waiting)
    script.recv(response="487", next="given_up", **waiting)
    script.label("given_up")
    script.send(_request("ACK", "inv", "1 ACK"), next="end", actions=_log(script, "abandoned"))
    script.label("never_ended")
    script.do(_log(script, "failed", "no end after CANCEL"), next="end")
    script.label("crossing")
    script.send(_request("ACK", "ack", "1 ACK"), actions=_log(script, "answered", "crossed"))
    waiting = {"next": "hang_up", "timeout": "1000", "ontimeout": "hang_up"}
    script.recv(response="481", optional="true", **waiting)  # the answer to the CANCEL, unless it came first
    script.recv(response="200", **waiting)


def _hang_up(script: Script) -> None:
    waiting = {"timeout": "16000", "ontimeout": "end"}
    script.label("hang_up")
    script.send(_request("BYE", "bye", "2 BYE"), retrans="500", actions=_log(script, "ended", "caller"))
    script.recv(request="BYE", optional="true", next="both", **waiting)
    script.recv(response="481", optional="true", next="end", **waiting)
    script.recv(response="200", next="end", **waiting)
    script.label("both")
    script.send(_OK_BYE, next="end")
    script.label("hung_up")
    script.send(_OK_BYE, next="end", actions=_log(script, "ended", "callee"))


def _refusals(script: Script, label: str, *, but: str = "", **attributes: str) -> None:
    for code in map(str, _REFUSALS):
        if code != but:
            note = f'<assignstr assign_to="code" value="{code}"/>'
            script.recv(response=code, next=label, actions=note, **attributes)


def _number(field: int, name: str) -> str:
    return (
        f'<assignstr assign_to="text" value="[field{field}]"/><todouble assign_to="{name}" variable="text"/>'
    )


def _log(script: Script, what: str, detail: str = "") -> str:
    return script.log(what, "[field0]", "[field1]", detail)


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
