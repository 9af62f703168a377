"""``python -m tests.chaos --calls 2000 --kills 50``: chaos on real processes, and the verdict as a table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos.evidence import collect
from tests.chaos.judge import Verdict, judge
from tests.chaos.storm import Order, Run, run


async def one(order: Order, folder: Path, *, quiet: bool = False) -> tuple[Run, Verdict]:
    """One run and its verdict."""
    began = time.monotonic()

    def say(line: str) -> None:
        if not quiet:
            print(f"{time.monotonic() - began:7.1f} {line}", file=sys.stderr, flush=True)

    done, evidence = await run(order, folder, collect, say)
    return done, judge(evidence)


def table(runs: list[tuple[Run, Verdict]]) -> str:
    """The counts of all runs, side by side."""
    names = [f"{r.order.database} seed {r.order.seed}" for r, _ in runs]
    rows: list[tuple[str, list[str]]] = [("seconds", [f"{r.seconds:.0f}" for r, _ in runs])]
    struck = [Counter(f"{s.how} {s.target}" for s in r.spans) for r, _ in runs]
    for what in sorted({name for counts in struck for name in counts}):
        rows.append((what, [str(counts[what]) for counts in struck]))
    kills = [sum(s.how == "kill" for s in r.spans) for r, _ in runs]
    rows.append(("kills (SIGKILL)", [str(n) for n in kills]))
    rows.append(("starts of the service", [str(r.starts) for r, _ in runs]))
    for name in runs[0][1].counts:
        values = [v.counts[name] for _, v in runs]
        if isinstance(values[0], dict):
            for key in sorted({k for value in values for k in value}):
                rows.append((f"  {key}", [str(value.get(key, 0)) for value in values]))
        else:
            rows.append((name, [str(value) for value in values]))
    rows.append(("faults", [str(len(v.faults)) for _, v in runs]))
    lines = [f"{'':28}" + "".join(f"{name:>22}" for name in names)]
    lines += [f"{name:28}" + "".join(f"{value:>22}" for value in values) for name, values in rows]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000, help="in all")
    parser.add_argument("--kills", type=int, default=50, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=6.0, help="calls per second")
    parser.add_argument("--database", choices=["both", "sqlite", "postgresql"], default="both")
    parser.add_argument("--keep", type=Path, help="folder that keeps the logs and the ledger")
    options = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    runs = []
    for n, kind in enumerate(kinds):
        each = (options.calls // len(kinds), options.kills // len(kinds), kind, options.rate)
        order = Order(options.seed + n, *each)
        with tempfile.TemporaryDirectory(prefix="seats-chaos-") as name:
            folder = Path(name)
            if options.keep:
                folder = options.keep / f"{kind}-{order.seed}"
                folder.mkdir(parents=True)
            done, verdict = asyncio.run(one(order, folder))
            if options.keep:
                (folder / "pbx.log").write_text(done.pbx_log)
                for what, lines in (("spans", done.spans), ("rings", done.rings), ("fates", done.fates)):
                    (folder / f"{what}.txt").write_text("\n".join(map(str, lines)))
        runs.append((done, verdict))
        for fault in verdict.faults:
            print(f"FAULT {kind} seed {order.seed}: {fault}")
    print(table(runs))
    total = {
        "calls": sum(v.counts["reached the dialplan"] for _, v in runs),
        "kills": sum(s.how == "kill" for r, _ in runs for s in r.spans),
        "dropped": sum(v.counts["dropped"] for _, v in runs),
        "faults": sum(len(v.faults) for _, v in runs),
    }
    print(json.dumps(total))
    return 1 if total["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
