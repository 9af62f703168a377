"""Alertmanager's configuration."""

from __future__ import annotations

from typing import Any

from metrics.definition.timing import HOUR, MINUTE, Timing
from metrics.render.yamltext import dump

CAUSE_SHOWS = 45
"""Seconds a page about rates or seats waits for its cause: ``SeatsLinkDown`` stands 15 s before it is sent,
and scrape and evaluation may lie 15 s apart. Without it a dead link is a page about the nation first."""

PAGE_URL = "http://127.0.0.1:9099/page"
TICKET_URL = "http://127.0.0.1:9099/ticket"


def config(timing: Timing, page_url: str = PAGE_URL, ticket_url: str = TICKET_URL) -> str:
    """One group per province and one for the nation; what is down silences what follows from it."""
    by_province = {
        "group_by": ["province"],
        "group_wait": timing(CAUSE_SHOWS),
        "group_interval": timing(MINUTE),
    }
    by_alert = {"group_by": ["alertname", "node"], "group_wait": timing(10), "group_interval": timing(MINUTE)}
    page = {"receiver": "page", "repeat_interval": timing(HOUR)}
    return dump(
        {
            "route": {
                "receiver": "ticket",
                **by_alert,
                "repeat_interval": timing(24 * HOUR),
                "routes": [
                    {"matchers": ['severity="page"', 'kind=~"rate|seats"'], **by_province, **page},
                    {"matchers": ['severity="page"'], **by_alert, **page},
                    {"matchers": ['province!=""'], "receiver": "ticket", **by_province},
                ],
            },
            "inhibit_rules": _inhibitions(),
            "receivers": [
                {"name": "page", "webhook_configs": [{"url": page_url}]},
                {"name": "ticket", "webhook_configs": [{"url": ticket_url}]},
            ],
        },
        "Put your own receivers in place of the two webhooks: page wakes someone, ticket does not.",
    )


def _inhibitions() -> list[dict[str, Any]]:
    down = 'alertname=~"SeatsLinkDown|SeatsServiceDown|SeatsNoSingleLeader"'
    return [
        _inhibit(down, 'kind=~"rate|seats"'),
        _inhibit('alertname="SeatsServiceDown"', 'alertname!="SeatsServiceDown"', 'kind=~"link|service|web"'),
        _inhibit('alertname="SeatsNationBurnFast"', 'alertname=~"SeatsProvinceBurn.*"'),
        _inhibit('alertname="SeatsLostTogetherNation"', 'alertname="SeatsLostTogether"'),
        _inhibit(
            'alertname="SeatsProvinceBurnFast"', 'alertname=~"SeatsProvinceBurn(Slow|Ticket)"', by="province"
        ),
        _inhibit('alertname="SeatsProvinceBurnSlow"', 'alertname="SeatsProvinceBurnTicket"', by="province"),
        _inhibit('alertname="SeatsWaitBeyondBound"', 'alertname="SeatsWaitLong"', by="province"),
        _inhibit('alertname="SeatsLinkDown"', 'alertname=~"SeatsLinkFlapping|SeatsEventLag"', by="node"),
        _inhibit('alertname="SeatsCertificateEnds"', 'alertname="SeatsCertificateEndsSoon"'),
        _inhibit('alertname="SeatsDiskAlmostFull"', 'alertname="SeatsDiskFilling"'),
    ]


def _inhibit(source: str, *targets: str, by: str = "") -> dict[str, Any]:
    rule: dict[str, Any] = {"source_matchers": [source], "target_matchers": list(targets)}
    if by:
        rule["equal"] = [by]
    return rule
