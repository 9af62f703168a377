"""Real Prometheus and Alertmanager for tests, with the generated files, and a receiver for their pages."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from metrics.definition.alerts import JOB, RUNBOOKS
from metrics.definition.timing import Timing
from metrics.render import alertmanager, prometheus
from telephony.lab.ports import free_port

PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"


def missing() -> list[str]:
    """Programs that are not installed."""
    return [p for p in (PROMETHEUS, "promtool", ALERTMANAGER, "amtool") if not shutil.which(p)]


@contextlib.asynccontextmanager
async def program(log: Path, *command: str) -> AsyncIterator[None]:
    """A program that runs during the block."""
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


class Pages:
    """What came to the receivers: one entry per notification."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.port = free_port()

    def names(self, receiver: str = "page") -> list[str]:
        """Alert names of the notifications of something that stands, sorted within each."""
        found = []
        for where, note in self.notes:
            firing = sorted({a["labels"]["alertname"] for a in note["alerts"] if a["status"] == "firing"})
            if where == receiver and note["status"] == "firing":
                found.append("+".join(firing))
        return found

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Every mention of an alert."""
        return [a for _, n in self.notes for a in n["alerts"] if a["labels"]["alertname"] == name]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Pages]:
        """Receive during the block."""

        async def take(request: web.Request) -> web.Response:
            self.notes.append((request.match_info["receiver"], await request.json()))
            return web.Response()

        app = web.Application()
        app.router.add_post("/{receiver}", take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()


class Alertmanager:
    """Alertmanager with the generated configuration, at a pace."""

    def __init__(self, folder: Path, timing: Timing, pages: Pages) -> None:
        self.folder, self.port = folder, free_port()
        at = f"http://127.0.0.1:{pages.port}"
        text = alertmanager.config(timing, f"{at}/page", f"{at}/ticket")
        (folder / "alertmanager.yml").write_text(text)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Alertmanager]:
        """Run during the block."""
        command = [
            ALERTMANAGER,
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        async with program(self.folder / "alertmanager.log", *command):
            await _answers(f"http://127.0.0.1:{self.port}/-/ready")
            yield self

    async def post(self, alerts: list[dict[str, Any]]) -> None:
        """Tell it of alerts as Prometheus would."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self.port}/api/v2/alerts", json=alerts) as answer,
        ):
            assert answer.status == 200, await answer.text()


class Prometheus:
    """Prometheus with the generated configuration and rules, at a pace, scraping every second."""

    def __init__(self, folder: Path, timing: Timing, target: str, *, alertmanager_port: int) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        rules = folder / "rules"
        rules.mkdir()
        (rules / "recording.yml").write_text(prometheus.recording(timing))
        alerts = yaml.safe_load(prometheus.alerting(timing, RUNBOOKS))
        for rule in alerts["groups"][0]["rules"]:
            if rule["alert"] in ("SeatsServiceDown", "SeatsNoSingleLeader"):
                rule["for"] = "30s"  # programs start no faster at another pace: Prometheus, and our restart
        (rules / "alerts.yml").write_text(yaml.safe_dump(alerts, allow_unicode=True))
        config = yaml.safe_load(prometheus.config(target, "https"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
            f"127.0.0.1:{alertmanager_port}"
        ]
        config["scrape_configs"] = [c for c in config["scrape_configs"] if c["job_name"] == JOB]
        config["scrape_configs"][0]["tls_config"] = {"insecure_skip_verify": True}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Prometheus]:
        """Run during the block."""
        command = [
            PROMETHEUS,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        async with program(self.folder / "prometheus.log", *command):
            await _answers(f"http://127.0.0.1:{self.port}/-/ready")
            yield self

    async def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Samples of an expression now."""
        url = f"{self.url}/api/v1/query"
        async with aiohttp.ClientSession() as session, session.post(url, data={"query": expr}) as answer:
            found = await answer.json()
        assert found["status"] == "success", (expr, found)
        result = found["data"]["result"]
        return [(row["metric"], float(row["value"][1])) for row in result]

    async def by(self, expr: str, *labels: str) -> Mapping[tuple[str, ...], float]:
        """Samples now: label values → value."""
        return {tuple(m.get(name, "") for name in labels): v for m, v in await self.query(expr)}

    async def value(self, expr: str) -> float | None:
        """The one sample of an expression now."""
        found = await self.query(expr)
        assert len(found) < 2, (expr, found)
        return found[0][1] if found else None


async def _answers(url: str) -> None:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
