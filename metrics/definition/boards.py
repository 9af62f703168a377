"""Dashboards: panels and their expressions. Objectives and thresholds are drawn from series, not typed in."""

from __future__ import annotations

from typing import Literal, NamedTuple

from metrics.definition.burn import FAST, SLOW, SUDDEN
from metrics.definition.recording import WINDOW

Shape = Literal["stat", "lines", "stack", "table", "bars"]
Unit = Literal["percentunit", "short", "s", "bytes", "cpm", "dateTimeFromNow", "none"]

NATION_RATE = (
    'sum(seats_connection_rate{definition="strict",window="today"}'
    ' * seats_connection_rate_requests{definition="strict",window="today"})'
    ' / sum(seats_connection_rate_requests{definition="strict",window="today"})'
)


class Query(NamedTuple):
    """One expression and what it is called; ``dashed`` marks a line to hold against the others."""

    expr: str
    legend: str
    dashed: bool = False
    unit: Unit | None = None
    judged: bool = False
    """A column that is bad below 0 (a rate minus its objective, a budget): the only one that is coloured."""


class Panel(NamedTuple):
    """One panel; ``width`` of 24 columns, ``height`` in rows."""

    title: str
    shape: Shape
    queries: tuple[Query, ...]
    unit: Unit = "short"
    width: int = 12
    height: int = 8
    about: str = ""


class Board(NamedTuple):
    """One dashboard. ``variable``: label chosen at its top, and the series whose values it offers."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variable: tuple[str, str] | None = None


def stat(title: str, expr: str, unit: Unit = "short", *, judged: bool = False) -> Panel:
    """One number."""
    return Panel(title, "stat", (Query(expr, title, judged=judged),), unit, 4, 4)


def lines(title: str, unit: Unit, *queries: Query, about: str = "", width: int = 12) -> Panel:
    """Lines over time."""
    return Panel(title, "lines", queries, unit, width, 8, about)


def _of(name: str, definition: str = "strict", window: str = "1h", more: str = "") -> str:
    return f'{name}{{definition="{definition}",window="{window}"{more}}}'


def _rate(by: str = "", window: str = "1h", definition: str = "strict") -> str:
    return _of("seats_connection_rate", definition, window, f',province="{by}"' if by else "")


_N_1H = _of("seats_connection_rate_requests")
_OBJECTIVE = "max by (province) (seats_connection_objective_ratio)"
_NAMED = "* on (province) group_left (zh) seats:province:names"
_HERE = 'province="$province"'

NATION = Board(
    "seats-nation",
    "全国 Nation",
    (
        stat("今日接通率 Rate today (strict)", NATION_RATE, "percentunit"),
        stat(
            "今日请求 n today",
            'sum(seats_connection_rate_requests{definition="strict",window="today"})',
        ),
        stat("等待中 Waiting", "sum(seats_requests_in_progress)"),
        stat("最长等待 Oldest wait", "max(seats_oldest_wait_seconds)", "s"),
        stat("就绪座席 Ready agents", 'sum(seats_staff{state="ready"})'),
        stat(
            "快速消耗的省 Provinces burning",
            'count(seats:burning:ratio{speed="fast"}) or vector(0)',
        ),
        Panel(
            "各省 Provinces",
            "table",
            (
                Query(f"max by (province, zh) ({_N_1H} {_NAMED})", "1 小时 n"),
                Query(f"max by (province) ({_rate()})", "1 小时接通率", unit="percentunit"),
                Query(f"max by (province) ({_rate(definition='reported')})", "报告口径", unit="percentunit"),
                Query(_OBJECTIVE, "目标", unit="percentunit"),
                Query(
                    f'1 - seats:loss:low{{window="1h"}} - on (province) {_OBJECTIVE}',
                    "区间上限 − 目标",
                    unit="percentunit",
                    judged=True,
                ),
                Query(
                    "max by (province) (seats_error_budget_remaining)",
                    "今日额度剩余",
                    unit="percentunit",
                    judged=True,
                ),
                Query("sum by (province) (seats_requests_in_progress)", "等待中"),
                Query("max by (province) (seats_oldest_wait_seconds)", "最长等待", unit="s"),
                Query('sum by (province) (seats_staff{state="ready"})', "就绪"),
            ),
            width=24,
            height=16,
            about="Red only when even the upper bound of the rate's 95 % interval is below the objective.",
        ),
        Panel(
            "请求结果 Outcomes",
            "stack",
            (Query("sum by (outcome) (increase(seats_requests_finished_total[5m])) / 5", "{{outcome}}"),),
            "cpm",
        ),
        lines(
            "接通率最低的十省 Lowest ten, 1 h",
            "percentunit",
            Query(f"bottomk(10, max by (province) ({_rate()}))", "{{province}}"),
        ),
        lines(
            "请求量与上周 Requests, and a week ago",
            "cpm",
            Query("sum(increase(seats_requests_total[5m])) / 5", "now"),
            Query("sum(increase(seats_requests_total[5m] offset 1w)) / 5 or vector(0)", "a week ago", True),
        ),
        lines(
            "20 秒接通率 Within 20 s, 1 h",
            "percentunit",
            Query('seats:service_level:ratio{window="1h",seconds="20"}', "{{province}}"),
        ),
    ),
)

PROVINCE = Board(
    "seats-province",
    "省 Province",
    (
        stat("1 小时接通率 Rate 1 h", f"max({_rate('$province')})", "percentunit"),
        stat(
            "1 小时 n",
            f"max({_of('seats_connection_rate_requests', more=',' + _HERE)})",
        ),
        stat("目标 Objective", f"max(seats_connection_objective_ratio{{{_HERE}}})", "percentunit"),
        stat(
            "今日额度剩余 Budget left",
            f"max(seats_error_budget_remaining{{{_HERE}}})",
            "percentunit",
            judged=True,
        ),
        stat("等待中 Waiting", f"sum(seats_requests_in_progress{{{_HERE}}})"),
        stat("最长等待 Oldest wait", f"max(seats_oldest_wait_seconds{{{_HERE}}})", "s"),
        lines(
            "接通率与目标 Rate and objective",
            "percentunit",
            Query(f"max({_rate('$province', '15m')})", "15 分钟"),
            Query(f"max({_rate('$province')})", "1 小时"),
            Query(f"max({_rate('$province', definition='reported')})", "1 小时 报告口径"),
            Query(f"max(seats_connection_objective_ratio{{{_HERE}}})", "目标", True),
            width=16,
            about="By arrival; what still waits is in no rate yet. The same as on the board and in the API.",
        ),
        lines(
            "置信区间 Interval, 1 h",
            "percentunit",
            Query(f'1 - seats:loss:high{{window="1h",{_HERE}}}', "low"),
            Query(f'seats:connection:ratio{{window="1h",{_HERE}}}', "rate"),
            Query(f'1 - seats:loss:low{{window="1h",{_HERE}}}', "high"),
            Query(f"max(seats_connection_objective_ratio{{{_HERE}}})", "目标", True),
            width=8,
        ),
        Panel(
            "请求结果 Outcomes",
            "stack",
            (
                Query(
                    f"sum by (outcome) (increase(seats_requests_finished_total{{{_HERE}}}[5m])) / 5",
                    "{{outcome}}",
                ),
            ),
            "cpm",
        ),
        lines(
            "N 秒接通率 Within N s, 1 h",
            "percentunit",
            Query(f'seats:service_level:ratio{{window="1h",{_HERE}}}', "{{seconds}} s"),
        ),
        lines(
            "接通前等待 Wait of connected",
            "s",
            *(
                Query(
                    f"histogram_quantile({q}, sum by (le)"
                    f" (rate(seats_request_wait_seconds_bucket{{{_HERE}}}[15m])))",
                    f"p{q * 100:g}",
                )
                for q in (0.5, 0.9, 0.99)
            ),
        ),
        lines(
            "等待 Waiting",
            "short",
            Query(f"sum(seats_requests_in_progress{{{_HERE}}})", "等待中"),
            Query(f"max(seats_oldest_wait_seconds{{{_HERE}}})", "最长等待 s"),
        ),
        Panel(
            "本省座席 Staff",
            "stack",
            (Query(f"sum by (state) (seats_staff{{{_HERE}}})", "{{state}}"),),
            width=12,
        ),
        lines(
            "损失率与阈值 Loss ratio and thresholds",
            "percentunit",
            Query(f'seats:loss:ratio{{window="{WINDOW[FAST.short]}",{_HERE}}}', "5 分钟"),
            Query(f'seats:loss:low{{window="{WINDOW[FAST.long]}",{_HERE}}}', "1 小时 下限"),
            *(
                Query(f'seats:loss:threshold{{speed="{s.name}",{_HERE}}}', s.name, True)
                for s in (SUDDEN, FAST, SLOW)
            ),
        ),
    ),
    ("province", "seats:province:names"),
)

AGENTS = Board(
    "seats-agents",
    "座席 Agents and seats",
    (
        stat("登录 Signed in", 'sum(seats_staff{state!="signed_out"})'),
        stat("就绪 Ready", 'sum(seats_staff{state="ready"})'),
        stat("通话 Talking", 'sum(seats_staff{state="talking"})'),
        stat("话后 Wrap-up", 'sum(seats_staff{state="wrap_up"})'),
        stat("失联 Unreachable", 'sum(seats_staff{state="unreachable"})'),
        stat(
            "占用率 Occupancy",
            'sum(seats_staff{state=~"offered|talking|wrap_up"})'
            ' / (sum(seats_staff{state=~"ready|offered|talking|wrap_up"}) > 0)',
            "percentunit",
        ),
        Panel(
            "座席状态 States", "stack", (Query("sum by (state) (seats_staff)", "{{state}}"),), "short", 24, 9
        ),
        Panel(
            "各组 Pools",
            "table",
            tuple(
                Query(f'max by (pool) (seats_agents{{state="{s}"}})', zh)
                for s, zh in (
                    ("ready", "就绪"),
                    ("offered", "振铃"),
                    ("talking", "通话"),
                    ("wrap_up", "话后"),
                    ("not_ready", "未就绪"),
                    ("resting", "暂停派话"),
                    ("unreachable", "失联"),
                    ("signed_out", "未登录"),
                )
            ),
            width=24,
            height=20,
        ),
        lines(
            "各省失联座席 Unreachable by province",
            "short",
            Query('topk(10, sum by (province) (seats_staff{state="unreachable"}))', "{{province}}"),
            width=8,
        ),
        Panel(
            "派话结果 Offers",
            "stack",
            (Query("sum by (result) (increase(seats_offers_total[5m])) / 5", "{{result}}"),),
            "cpm",
            8,
        ),
        lines(
            "派话接通比 Offers answered",
            "percentunit",
            Query(
                'sum(increase(seats_offers_total{result="connected"}[15m]))'
                " / (sum(increase(seats_offers_total[15m])) > 0)",
                "answered",
            ),
            width=8,
        ),
    ),
)


def _quantiles(name: str) -> tuple[Query, ...]:
    return tuple(
        Query(f"histogram_quantile({q}, sum by (le) (rate({name}_bucket[5m])))", f"p{q * 100:g}")
        for q in (0.5, 0.99)
    )


SERVICE = Board(
    "seats-service",
    "Asterisk 与服务 PBX and service",
    (
        stat("链路 Links up", "sum(seats_ami_connected)"),
        stat("主节点 Leaders", "sum(seats_leader)"),
        stat("台账差额 Unreconciled", "max(seats_ledger_unreconciled)"),
        stat("待写事件 Pending", "max(seats_ledger_pending_events)"),
        stat(
            "证书到期 Certificate",
            "min(seats_certificate_expiry_timestamp_seconds) * 1000",
            "dateTimeFromNow",
        ),
        stat(
            "磁盘剩余 Disk free",
            "min(seats_ledger_disk_free_bytes / seats_ledger_disk_size_bytes)",
            "percentunit",
        ),
        lines("链路 Link", "none", Query("seats_ami_connected", "{{node}}")),
        lines("事件延迟 Event lag", "s", Query("seats_ami_event_lag_seconds", "{{node}}")),
        lines(
            "AMI 事件与动作 Events and actions",
            "cpm",
            Query("increase(seats_ami_events_total[5m]) / 5", "{{node}} events"),
            Query("increase(seats_ami_actions_total[5m]) / 5", "{{node}} actions"),
            Query("increase(seats_ami_action_failures_total[5m]) / 5", "{{node}} failed"),
        ),
        lines(
            "中断与重启 Reconnects, restarts, repairs",
            "short",
            Query("increase(seats_ami_reconnects_total[15m])", "{{node}} reconnects"),
            Query("increase(seats_pbx_restarts_total[15m])", "{{node}} restarts"),
            Query("sum by (kind) (increase(seats_reconcile_repairs_total[15m]))", "{{kind}}"),
        ),
        lines("决策时间 Decision time", "s", *_quantiles("seats_decision_duration_seconds")),
        lines("主循环延迟 Loop lag", "s", *_quantiles("seats_event_loop_lag_seconds")),
        lines(
            "台账 Ledger",
            "short",
            Query("rate(seats_ledger_written_events_total[5m])", "written/s"),
            Query("seats_ledger_pending_events", "pending"),
            Query("increase(seats_ledger_lost_events_total[1h])", "lost"),
            Query("increase(seats_ledger_rejected_events_total[1h])", "rejected"),
        ),
        Panel(
            "网页应答 Web answers",
            "stack",
            (Query("sum by (code) (increase(seats_web_responses_total[5m])) / 5", "{{code}}"),),
            "cpm",
        ),
        lines(
            "实时连接 Live feeds",
            "short",
            Query("seats_feed_clients", "clients"),
            Query("increase(seats_feed_lag_snapshots_total[5m])", "fell behind"),
        ),
        lines("内存 Memory", "bytes", Query("seats_process_resident_memory_bytes", "{{instance}}")),
        lines(
            "处理器 CPU",
            "percentunit",
            Query("rate(seats_process_cpu_seconds_total[5m])", "{{instance}}"),
        ),
        Panel(
            "版本 Versions",
            "table",
            (Query("max by (instance, version, python) (seats_build_info)", "n"),),
            height=8,
        ),
    ),
)

BUDGET = Board(
    "seats-budget",
    "目标与额度 Objective and budget",
    (
        Panel(
            "今日额度剩余 Budget left today",
            "bars",
            (Query("max by (province) (seats_error_budget_remaining)", "{{province}}", judged=True),),
            "percentunit",
            24,
            12,
            "1: nothing lost. 0: every loss the objective allows today is used.",
        ),
        Panel(
            "目标 Objectives",
            "table",
            (
                Query(f"max by (province, zh) ({_OBJECTIVE} {_NAMED})", "目标", unit="percentunit"),
                Query(
                    'max by (province) (seats_connection_rate_requests{definition="strict",window="today"})',
                    "今日 n",
                ),
                Query(f"max by (province) ({_rate(window='today')})", "今日接通率", unit="percentunit"),
                Query('seats:lost:increase{window="3d"}', "三天损失"),
                Query('seats:loss:ratio{window="3d"}', "三天损失率", unit="percentunit"),
                Query('seats:loss:ratio{window="1h"} / on (province) seats:budget:ratio', "1 小时消耗倍数"),
            ),
            width=24,
            height=14,
        ),
        lines(
            "缺少的座席 Agents missing",
            "short",
            Query("max by (province) (seats_agents_missing)", "{{province}}"),
            about="Provinces whose objective no routing can hold, and how many agents they lack.",
        ),
        lines(
            "调度级别 Steering level",
            "short",
            Query("max by (province) (seats_steering_level) > 0", "{{province}}"),
            about="1 rings open early, 2 priority, 3 and 4 idle agents kept, 5 breaks ended.",
        ),
        lines(
            "预计等待 Expected wait",
            "s",
            Query("topk(10, max by (province) (seats_expected_wait_seconds))", "{{province}}"),
        ),
        lines(
            "预计误差 Error of the expected wait",
            "s",
            Query("topk(10, max by (province) (seats_expected_wait_error_seconds))", "{{province}}"),
            about="Mean absolute error of the last expected waits.",
        ),
        lines(
            "消耗倍数 Burn factor",
            "short",
            Query(
                'topk(10, seats:loss:ratio{window="1h"} / on (province) seats:budget:ratio)', "{{province}}"
            ),
        ),
        lines(
            "告警中的省 Alerts",
            "short",
            Query('count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)', "{{alertname}}"),
        ),
    ),
)

BOARDS: tuple[Board, ...] = (NATION, PROVINCE, AGENTS, SERVICE, BUDGET)
