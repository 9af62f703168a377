"""Alerts: who is woken, by what, and what to read then.

``page`` wakes someone, ``ticket`` waits for the morning. ``kind`` says what an alert is about; those of kind
``rate`` carry a province and are silenced while a link or the whole service is down.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from metrics.definition.burn import MANY
from metrics.definition.timing import DAY, HOUR, MINUTE, Timing

Severity = Literal["page", "ticket"]

JOB = "seats"
"""Name of the scrape job."""

RUNBOOKS = "docs/runbooks"
"""Where runbooks lie; ``python -m metrics.generate --runbooks URL`` puts a URL there."""

_NAMES = "* on (province) group_left (zh, en) seats:province:names"
_OLDEST = "max by (province) (seats_oldest_wait_seconds)"
_BOUND = "scalar(max(seats_wait_bound_seconds))"
_MISSING = (
    "(max by (province) (seats_agents_missing)"
    " and on (province) max by (province) (seats_objective_feasible) == 0)"
)
_P = "{{ $labels.zh }}"
_E = "{{ $labels.en }}"
_PERCENT = "{{ $value | humanizePercentage }}"
_SECONDS = "{{ $value | humanizeDuration }}"
_NODE = "{{ $labels.node }}"

ENOUGH = 10
"""Requests expected in a window, from a week ago, whose absence means something: e^-10 by chance."""


class Alert(NamedTuple):
    """One alert. ``wait`` seconds it must hold; ``keep`` seconds it stays after it ended."""

    name: str
    severity: Severity
    kind: Literal["rate", "seats", "link", "ledger", "service", "web"]
    expr: str
    zh: str
    en: str
    runbook: str
    silence: str
    wait: float = 0.0
    keep: float = 0.0


def alerts(timing: Timing) -> tuple[Alert, ...]:
    """All alerts, the most urgent first."""
    return (*_rates(timing), *_links(timing), *_seats(timing), *_ledger(timing), *_machine(timing))


def _rates(timing: Timing) -> tuple[Alert, ...]:
    week = timing(7 * DAY)
    quiet_hour = (
        f'(seats:requests:increase{{window="1h"}} == 0)\n'
        f'and on (province) (seats:requests:increase{{window="1h"}} offset {week} >= {ENOUGH})'
    )
    quiet_quarter = (
        f'(seats:requests:increase{{window="15m"}} == 0)\n'
        f'and on (province) (seats:requests:increase{{window="1h"}} offset {week} >= {4 * ENOUGH})'
    )
    quiet = f"{quiet_hour}\nor on (province)\n{quiet_quarter}"
    last_week = f'seats:requests:increase{{window="1h"}} offset {week}'
    planned = "Planned: silence the province for the length of the work."
    return (
        Alert(
            "SeatsNationBurnFast",
            "page",
            "rate",
            f'count(seats:burning:ratio{{speed="fast"}}) >= {MANY}',
            "全国多省接通率同时快速下降:{{ $value }} 个省",
            "Connection rates fall fast in {{ $value }} provinces at once",
            "burn",
            "It already stands for the provinces' own pages; silence it only with the cause known.",
        ),
        Alert(
            "SeatsProvinceBurnFast",
            "page",
            "rate",
            f'max by (province) (seats:burning:ratio{{speed="fast"}}) {_NAMES}',
            f"{_P} 接通率快速下降:近 5 分钟 {_PERCENT} 未接通",
            f"{_E}: connection rate falls fast, {_PERCENT} lost in the last 5 minutes",
            "burn",
            planned,
        ),
        Alert(
            "SeatsProvinceBurnSlow",
            "page",
            "rate",
            f'max by (province) (seats:burning:ratio{{speed="slow"}}) {_NAMES}',
            f"{_P} 接通率持续偏低:近 30 分钟 {_PERCENT} 未接通",
            f"{_E}: connection rate stays low, {_PERCENT} lost in the last 30 minutes",
            "burn",
            planned,
            wait=2 * MINUTE,
        ),
        Alert(
            "SeatsProvinceBurnTicket",
            "ticket",
            "rate",
            f'max by (province) (seats:burning:ratio{{speed="ticket"}}) {_NAMES}',
            f"{_P} 三天内的失接额度正在用尽",
            f"{_E}: loses more than its objective allows, over 3 days",
            "burn",
            "Silence until the staffing change it calls for is live.",
            wait=15 * MINUTE,
        ),
        Alert(
            "SeatsObjectiveOutOfReach",
            "ticket",
            "rate",
            f"{_MISSING} {_NAMES}",
            f"{_P} 目标无法达到:各环缺 {{{{ $value }}}} 名座席",
            f"{_E}: the objective is out of reach, {{{{ $value }}}} agents are missing in its rings",
            "objective",
            "Known shortage: silence the province for the shift.",
            wait=10 * MINUTE,
        ),
        Alert(
            "SeatsNoRequests",
            "page",
            "rate",
            # the value is what was expected: last week's hour
            f"max by (province) ({last_week}\nand on (province) (\n{quiet}\n))\n{_NAMES}",
            f"{_P} 没有来电,上周同一小时有 {{{{ $value | humanize }}}} 个:中继可能中断",
            f"{_E}: no requests; {{{{ $value | humanize }}}} in the same hour last week. Is the trunk dead?",
            "no-requests",
            "Public holiday or changed hours: silence until the hour when calls return.",
            wait=2 * MINUTE,
        ),
        Alert(
            "SeatsWaitBeyondBound",
            "page",
            "rate",
            f"({_OLDEST} > {_BOUND} + 10) {_NAMES}",
            f"{_P} 有来电等待 {_SECONDS},超过上限:可能被遗忘",
            f"{_E}: a caller waits for {_SECONDS}, beyond the bound; nobody may be looking",
            "waiting",
            "Never: it is a fault of the service.",
            wait=15,
        ),
        Alert(
            "SeatsWaitLong",
            "ticket",
            "rate",
            f"({_OLDEST} > 0.5 * {_BOUND}) {_NAMES}",
            f"{_P} 来电等待已久:{_SECONDS}",
            f"{_E}: a caller waits for {_SECONDS}, half of the bound",
            "waiting",
            "Known shortage: silence the province for the shift.",
            wait=MINUTE,
        ),
    )


def _links(timing: Timing) -> tuple[Alert, ...]:
    return (
        Alert(
            "SeatsServiceDown",
            "page",
            "service",
            f'sum(up{{job="{JOB}"}}) == 0 or absent(up{{job="{JOB}"}})',
            "座席服务无响应,来电由 Asterisk 备用队列接听",
            "The service does not answer; callers are served by Asterisk's fallback queue",
            "service-down",
            "Planned restart takes seconds; silence for longer work only.",
            wait=30,
            keep=5 * MINUTE,
        ),
        Alert(
            "SeatsLinkDown",
            "page",
            "link",
            "max by (node) (seats_ami_connected) == 0",
            f"与 Asterisk 节点 {_NODE} 的连接中断",
            f"The link to PBX node {_NODE} is down",
            "link-down",
            "Planned work on the PBX: silence this node.",
            wait=15,
            keep=5 * MINUTE,
        ),
        Alert(
            "SeatsLinkFlapping",
            "ticket",
            "link",
            f"sum by (node) (increase(seats_ami_reconnects_total[{timing(15 * MINUTE)}])) >= 3",
            f"与 Asterisk 节点 {_NODE} 的连接反复中断",
            f"The link to PBX node {_NODE} comes and goes",
            "link-down",
            "Silence the node while the network is repaired.",
        ),
        Alert(
            "SeatsPbxRestarted",
            "ticket",
            "link",
            f"sum by (node) (increase(seats_pbx_restarts_total[{timing(10 * MINUTE)}])) > 0",
            f"Asterisk 节点 {_NODE} 已重启,等待中的来电已丢失并计为失败",
            f"PBX node {_NODE} restarted; callers it held are lost and counted as failed",
            "pbx-restarted",
            "Planned restart: silence this node for ten minutes.",
        ),
        Alert(
            "SeatsEventLag",
            "ticket",
            "link",
            "max by (node) (seats_ami_event_lag_seconds) > 1",
            f"节点 {_NODE} 的事件延迟 {_SECONDS}",
            f"Events of PBX node {_NODE} are {_SECONDS} late",
            "slow",
            "Silence the node while its load is known.",
            wait=MINUTE,
        ),
        Alert(
            "SeatsNoSingleLeader",
            "page",
            "service",
            "sum(seats_leader) != 1",
            "没有唯一的主节点:{{ $value }} 个",
            "There are {{ $value }} leaders instead of one",
            "leader",
            "Never.",
            wait=15,
        ),
        Alert(
            "SeatsInstanceDown",
            "ticket",
            "service",
            f'up{{job="{JOB}"}} == 0',
            "座席服务的一个实例无响应:{{ $labels.instance }}",
            "An instance of the service does not answer: {{ $labels.instance }}",
            "service-down",
            "Planned work: silence this instance.",
            wait=5 * MINUTE,
        ),
    )


def _seats(timing: Timing) -> tuple[Alert, ...]:
    recently = timing(5 * MINUTE)

    def lost(by: str) -> str:
        away = f'sum {by}(seats_staff{{state="unreachable"}})'
        return f"{away} - min_over_time(({away})[{recently}:{timing(15)}])"

    def staffed(by: str) -> str:
        return f'(sum {by}(seats_staff{{state!="signed_out"}} offset {recently}) > 0)'

    # the seats lost are part of those staffed then; more than all of them cannot be lost together
    # without any link, at a start for a moment, nobody knows of any seat; a lost link has its own page
    known = "unless on () (max(seats_ami_connected) == 0)"
    nation = f"({lost('')} >= 10) and ({lost('')} >= 0.2 * {staffed('')}) {known}"
    by = "by (province) "
    province = f"(({lost(by)} >= 3) and ({lost(by)} >= 0.2 * {staffed(by)}) {known}) {_NAMES}"
    return (
        Alert(
            "SeatsLostTogetherNation",
            "page",
            "seats",
            nation,
            "全国座席同时掉线:{{ $value }} 个",
            "{{ $value }} seats of the nation became unreachable together",
            "seats-lost",
            "Known outage of a provider: silence until it is over.",
            keep=10 * MINUTE,
        ),
        Alert(
            "SeatsLostTogether",
            "page",
            "seats",
            province,
            f"{_P} 座席同时掉线:{{{{ $value }}}} 个",
            f"{_E}: {{{{ $value }}}} seats became unreachable together",
            "seats-lost",
            "Known outage of a provider: silence the province until it is over.",
            keep=10 * MINUTE,
        ),
    )


def _ledger(timing: Timing) -> tuple[Alert, ...]:
    hours = timing(6 * HOUR)
    free = "seats_ledger_disk_free_bytes"
    share = f"{free} / seats_ledger_disk_size_bytes"
    return (
        Alert(
            "SeatsLedgerNotWriting",
            "page",
            "ledger",
            "min(seats_ledger_up) == 0",
            "台账数据库无法写入,记录暂存在内存和本机磁盘",
            "The ledger's database cannot be written; records are kept in memory and on the service's own disk",
            "ledger",
            "Planned database work, of ten minutes at 100 calls a second: silence for its length.",
            wait=MINUTE,
        ),
        Alert(
            "SeatsLedgerLosing",
            "ticket",
            "ledger",
            "sum(increase(seats_ledger_lost_events_total["
            f"{timing(HOUR)}]) + increase(seats_ledger_rejected_events_total[{timing(HOUR)}])) > 0",
            "台账丢失了记录:{{ $value | humanize }} 条",
            "The ledger lost {{ $value | humanize }} records",
            "ledger",
            "Once understood: an hour.",
        ),
        Alert(
            "SeatsSpoolNotWriting",
            "ticket",
            "ledger",
            "min(seats_ledger_spool_up) == 0",
            "本机磁盘无法写入:服务若此时被杀,尚未写入台账的记录只能靠 PBX 补全",
            "The service's own disk takes nothing: what the ledger does not have would be lost with the service",
            "ledger",
            "While the disk is being mended.",
            wait=MINUTE,
        ),
        Alert(
            "SeatsLedgerUnreconciled",
            "ticket",
            "ledger",
            "max(seats_ledger_unreconciled) > 0",
            "台账与实时计数相差 {{ $value }} 个来电",
            "Ledger and live count differ by {{ $value }} requests",
            "ledger",
            "Never before the cause is known: the rates cannot be trusted.",
            wait=2 * MINUTE,
        ),
        Alert(
            "SeatsDiskAlmostFull",
            "page",
            "ledger",
            f"min({share}) < 0.03",
            f"台账所在磁盘只剩 {_PERCENT}",
            f"Only {_PERCENT} of the ledger's disk is free",
            "disk",
            "Never.",
            wait=MINUTE,
        ),
        Alert(
            "SeatsDiskFilling",
            "ticket",
            "ledger",
            f"min({share}) < 0.10 or min(predict_linear({free}[{hours}], {4 * DAY:.0f})) < 0",
            "台账所在磁盘将满",
            "The ledger's disk fills up within days",
            "disk",
            "Until the disk is enlarged.",
            wait=15 * MINUTE,
        ),
    )


def _machine(timing: Timing) -> tuple[Alert, ...]:
    expiry = "min(seats_certificate_expiry_timestamp_seconds) - time()"
    lag = f"sum by (le) (rate(seats_event_loop_lag_seconds_bucket[{timing(5 * MINUTE)}]))"
    answers = f"increase(seats_web_responses_total[{timing(15 * MINUTE)}])"
    errors = f'increase(seats_web_responses_total{{code="5xx"}}[{timing(15 * MINUTE)}])'
    return (
        Alert(
            "SeatsCertificateEnds",
            "page",
            "web",
            f"{expiry} < {2 * DAY:.0f}",
            f"网站证书将在 {_SECONDS} 后过期:过期后浏览器座席无法工作",
            f"The certificate expires in {_SECONDS}; browser seats stop working then",
            "certificate",
            "Never.",
            wait=MINUTE,
        ),
        Alert(
            "SeatsCertificateEndsSoon",
            "ticket",
            "web",
            f"{expiry} < {21 * DAY:.0f}",
            f"网站证书将在 {_SECONDS} 后过期",
            f"The certificate expires in {_SECONDS}",
            "certificate",
            "Until the day the new one is due.",
            wait=HOUR,
        ),
        Alert(
            "SeatsLoopSlow",
            "ticket",
            "service",
            f"histogram_quantile(0.99, {lag}) > 0.1",
            f"服务主循环变慢:p99 {_SECONDS}",
            f"The service's event loop is slow: p99 {_SECONDS}",
            "slow",
            "While a known load lasts.",
            wait=5 * MINUTE,
        ),
        Alert(
            "SeatsWebErrors",
            "ticket",
            "web",
            f"sum({errors}) >= 5 and sum({errors}) / sum({answers}) > 0.01",
            "网页服务出错增多:{{ $value | humanize }} 次",
            "The web server failed {{ $value | humanize }} requests",
            "web-errors",
            "Once a cause is known and a fix is on its way.",
            wait=5 * MINUTE,
        ),
    )
