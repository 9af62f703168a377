"""The invariants I1–I9 over what a run left behind, and the ledger against sipp's own counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from seats.domain.requests import Outcome
from tests.chaos.evidence import Evidence, Seen
from tests.chaos.phones import FALLBACK, is_ours, rung_in_order, two_at_once
from tests.chaos.storm import Span

WHOLE_SECONDS = 1.6
"""Seconds by which the talk of a call heard late may differ: the PBX's record has whole seconds, and half of one
is added where a talk must not be none."""
CLOCK = 0.5
"""Seconds by which the time of a request may differ from that in the PBX's log."""
NO_TALK = 0.1
"""Seconds below which the PBX's record calls a talk none: it cannot tell it from an answer that came too late."""
HUNG_UP = 0.5
"""Seconds from an agent's hanging up to the caller's end: the PBX's own way, 0.06 s as a rule."""
BESIDE = 0.02
"""Seconds by which sipp's note of a hang-up may come after the other side has heard it: it sends first."""
LEFT = ("abandoned", "excluded_short")
LET_GO = ("timeout", "no_seat")


class Verdict:
    """What is wrong (nothing, if all is well), and the counts of a run."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.counts: dict[str, Any] = {}


def judge(evidence: Evidence) -> Verdict:
    """Look at everything."""
    verdict = Verdict()
    for look in (_requests, _outcomes, _calls, _phones, _audit, _rest, _figures):
        verdict.faults += [f"{look.__name__[1:]}: {fault}" for fault in look(evidence, verdict.counts)]
    return verdict


def _spans(evidence: Evidence, target: str, how: str = "") -> list[Span]:
    return [s for s in evidence.run.spans if s.target == target and how in ("", s.how)]


def cut_off(evidence: Evidence, seen: Seen) -> bool:
    """The PBX was killed while the call was on it, or about to come to it."""
    kills = _spans(evidence, "pbx", "kill")
    over = seen.over
    for nap in sorted(_spans(evidence, "pbx", "freeze"), key=lambda nap: nap.began):
        if nap.began - 0.5 <= over <= nap.ended:
            over = nap.ended + 0.5  # the PBX heard of it on waking, unless it slept again
    return any(seen.placed - 1.0 < kill.ended and kill.began < over + 1.0 for kill in kills)


def _requests(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """Requests in the ledger = requests sipp made: I1's first half."""
    calls = evidence.calls.values()
    reached = [seen for seen in calls if seen.recorded or seen.held]
    counts["placed"] = len(evidence.calls)
    counts["reached the dialplan"] = len(reached)
    counts["requests in the ledger"] = sum(len(seen.rows) for seen in calls) + len(evidence.strangers)
    counts["reconstructed"] = sum(bool(row["reconstructed"]) for seen in calls for row in seen.rows)
    for row in evidence.strangers:
        yield f"the ledger has {row['id']} of {row['number']}, whom nobody placed"
    for seen in calls:
        if abs(seen.mistaken) > CLOCK + _slept(evidence, seen):
            yield f"{_story(seen)} is recorded {seen.mistaken:+.3f} s beside the PBX's own time"
        if len(seen.rows) > 1:
            yield f"{seen.number} has {len(seen.rows)} rows: {[row['id'] for row in seen.rows]}"
        elif not seen.rows and (seen.recorded or seen.held):
            yield f"{_story(seen)} reached the dialplan and is not in the ledger"
        elif seen.rows and not (seen.recorded or seen.held) and not cut_off(evidence, seen):
            yield f"{_story(seen)} is in the ledger and did not reach the dialplan"


def _outcomes(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """I1, I4: exactly one outcome each, and the one that the caller met."""
    outcomes: Counter[str] = Counter()
    for seen in evidence.calls.values():
        for row in seen.rows:
            outcomes[row["outcome"]] += 1
            if row["outcome"] not in set(Outcome) or row["ended_at"] is None:
                yield f"I1: {row['id']} has outcome {row['outcome']}, ended at {row['ended_at']}"
            elif not cut_off(evidence, seen) and (fault := _unlike(seen, row, _slept(evidence, seen))):
                yield f"{row['id']} {fault}: {_story(seen)}; ledger: {_short(row)}"
    counts["outcomes"] = dict(outcomes)
    counts["answered (sipp)"] = sum(seen.answered is not None for seen in evidence.calls.values())
    if sum(outcomes.values()) != counts["requests in the ledger"]:
        yield f"I4: {counts['requests in the ledger']} requests, {sum(outcomes.values())} outcomes"


def _slept(evidence: Evidence, seen: Seen) -> float:
    """Seconds for which the PBX was stopped while the call was on it: so late may it tell begin and end."""
    slept, over = 0.0, seen.over
    for span in sorted(_spans(evidence, "pbx", "freeze"), key=lambda span: span.began):
        if seen.placed < span.ended and span.began < over + 1.0:
            slept += span.ended - span.began
            over = max(over, span.ended)  # it may be stopped again before it has told
    return slept


def _unlike(seen: Seen, row: dict[str, Any], slept: float) -> str:  # noqa: PLR0911 - one return a fault
    """How the ledger and the caller differ; ``slept`` seconds by the PBX's own sleep are no difference."""
    outcome = row["outcome"]
    if seen.answered and seen.ended and seen.talked < NO_TALK and row["reconstructed"] and outcome in LEFT:
        return ""
    if (seen.answered is not None) != (outcome == "connected"):
        return f"counts as {outcome}, the caller was {'' if seen.answered else 'not '}answered"
    if outcome == "failed":
        return "counts as failed, and no PBX died under it"
    if seen.abandoned and not seen.failed and outcome not in (*LEFT, *LET_GO):
        return f"counts as {outcome}, the caller gave up"
    if seen.failed and outcome not in (*LET_GO, *LEFT):
        return f"counts as {outcome}, the caller got {seen.failed}"
    if (
        outcome == "connected"
        and seen.ended
        and abs((row["talk_s"] or 0.0) - seen.talked) > WHOLE_SECONDS + slept
    ):
        return f"talked {row['talk_s']} s by the ledger, {seen.talked:.1f} s by the caller"
    answered_by = {ring.address for ring in seen.rings if ring.what == "answer"}
    if outcome == "connected" and row["agent"] not in answered_by:
        return f"I3: connected with {row['agent']!r}, answered by {sorted(answered_by)}"
    return ""


def _calls(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """No established call is dropped: whoever was not hung up by caller or agent was dropped."""
    counts["established calls"] = counts["ended by the agent"] = counts["dropped"] = counts[
        "cut by a dead PBX"
    ] = 0
    for seen in evidence.calls.values():
        if seen.answered is None:
            continue
        counts["established calls"] += 1
        if cut_off(evidence, seen):
            counts["cut by a dead PBX"] += 1
        elif seen.ended_by != "caller":
            waits = [(seen.ended or 0.0) - r.at for r in seen.rings if r.what == "hangup"]
            if any(-BESIDE <= wait < HUNG_UP + _slept(evidence, seen) for wait in waits):
                counts["ended by the agent"] += 1
            else:
                counts["dropped"] += 1
                yield f"{_story(seen)} was dropped"


def _phones(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """I2: one leg to a phone. I6: an offer rings once, and never after one of a later term."""
    counts["offers rung"] = sum(r.what == "ring" and is_ours(r) for r in evidence.run.rings)
    yield from rung_in_order(evidence.run.rings)
    counts["rung by both at the takeover"] = 0
    counts["rung twice by app_queue"] = 0  # its ringinuse=no looks at a device state that lags
    counts["rung as the last ring was ended"] = 0
    for pair in two_at_once(evidence.run.rings, _spans(evidence, "pbx", "kill")):
        if pair.crossed:
            counts["rung as the last ring was ended"] += 1
        elif pair.one.offer == pair.two.offer == FALLBACK:
            counts["rung twice by app_queue"] += 1
        elif pair.met:
            counts["rung by both at the takeover"] += 1
        else:
            yield f"I2: {pair}"


def _audit(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """I5: every row and every change has its audit row. I1: nobody was decided twice."""
    counts["audit rows of requests"] = sum(evidence.offers_audit.values())
    for seen in evidence.calls.values():
        for row in seen.rows:
            told = evidence.audit[row["id"]]
            if told["request_opened"] != 1:
                yield f"I5: {row['id']} was opened {told['request_opened']} times"
            if told["request_decided"] != 1:
                yield f"I1: {row['id']} was decided {told['request_decided']} times"
    counts["offers"] = len(evidence.offers)
    counts["ended unheard"] = sum("unheard" in (offer["detail"] or "") for offer in evidence.offers)
    for offer in evidence.offers:
        if offer["result"] is None:
            yield f"offer {offer['id']} to {offer['agent']} has no end"
    if evidence.offers_audit["offer_made"] != len(evidence.offers):
        yield f"I5: {len(evidence.offers)} offers, {evidence.offers_audit['offer_made']} audit rows"


def _rest(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """I8: in the calm the PBX's bridges are the service's calls; at the end nothing is left anywhere."""
    rest = evidence.run.at_rest
    talking, difference = rest["talking"]  # type: ignore[misc]
    counts["talking in the calm"] = talking
    if difference:
        yield f"I8: PBX and service differ about who talks: {difference}"
    if rest["open"]:
        yield f"I8: open in the ledger at the end: {rest['open']}"
    if set(rest["machines"]) != {"idle"}:  # type: ignore[call-overload]
        yield f"I8: agents at the end: {rest['machines']}"
    if not str(rest["channels"]).startswith("0 active channel"):
        yield f"I8: {rest['channels']} on the PBX at the end"
    if "v1|" in str(rest["records"]):
        yield f"records that nobody trimmed: {rest['records']}"
    if not rest["ready"] or rest["exit"] != 0:
        yield f"ready {rest['ready']}, exit status {rest['exit']}"


def _figures(evidence: Evidence, counts: dict[str, Any]) -> Iterator[str]:
    """I9: what the service shows is what the ledger holds."""
    rows = [row for seen in evidence.calls.values() for row in seen.rows]
    ledger = Counter((row["province"], row["outcome"]) for row in rows)
    text = str(evidence.run.at_rest["metrics"])
    found = re.findall(
        r'^seats_requests_finished_total\{outcome="(\w+)",province="(\w+)"\} ([0-9.e+]+)$', text, re.MULTILINE
    )
    shown = Counter({(province, outcome): int(float(n)) for outcome, province, n in found if float(n)})
    if shown != ledger:
        yield f"I9: /metrics shows {dict(shown - ledger)} more, {dict(ledger - shown)} less"
    provinces: Any = evidence.run.at_rest["provinces"]
    for row in provinces["provinces"]:
        strict = row["rate"]["strict"]["today"]
        of = {outcome: n for (province, outcome), n in ledger.items() if province == row["code"]}
        want = (of.get("connected", 0), sum(of.values()))
        if (strict["k"], strict["n"]) != want:
            yield f"I9: the board shows {strict['k']} of {strict['n']} in {row['code']}, the ledger {want}"


def _story(seen: Seen) -> str:
    parts = [f"{seen.number} placed {seen.placed:.2f}"]
    for name in ("held", "answered", "abandoned", "ended"):
        at = getattr(seen, name)
        if at:
            parts.append(f"{name} +{at - seen.placed:.2f}")
    parts += [f"failed {seen.failed}"] * bool(seen.failed) + [f"by {seen.ended_by}"] * bool(seen.ended_by)
    if seen.recorded:
        parts.append(f"record {seen.recorded}")
    rings = " ".join(f"{r.what}@{r.address}/{r.offer}+{r.at - seen.placed:.2f}" for r in seen.rings)
    return f"{', '.join(parts)} [{rings}]"


def _short(row: dict[str, Any]) -> str:
    names = (
        "outcome",
        "agent",
        "arrived_at",
        "decided_at",
        "ended_at",
        "talk_s",
        "ended_by",
        "reason",
        "reconstructed",
    )
    return str({name: row[name] for name in names if row[name] not in (None, "")})
