import "./dom.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowance, byTrouble, verdict, within20 } from "../src/board/figures";
import { clockSpan, objectivePercent, percent } from "../src/common/format";

const rate = (k, n, low, high) => ({ k, n, rate: n ? k / n : null, low: n ? low : null, high: n ? high : null });

function row(code, strict, more = {}) {
  const today = { requests: strict.n, sl20: strict.k };
  return {
    code, objective: 0.95, waiting: 0, longest_wait_since: null, misses_left: 0, today,
    rate: { strict: { today: strict, hour: strict }, reported: { today: strict, hour: strict } }, ...more,
  };
}

test("a miss in four calls is no verdict, however bad the rate looks", () => {
  assert.equal(verdict(rate(3, 4, 0.3, 0.954), 0.95), "open");
});

test("a verdict needs an interval that leaves the objective out", () => {
  assert.equal(verdict(rate(940, 1000, 0.923, 0.949), 0.95), "below");
  assert.equal(verdict(rate(990, 1000, 0.982, 0.995), 0.95), "above");
  assert.equal(verdict(rate(0, 0), 0.95), "none");
  assert.equal(verdict(rate(990, 1000, 0.982, 0.995), null), "open");
});

test("trouble first: below, long waits, short of the objective, calm by size, silent", () => {
  const now = 1000;
  const rows = [
    row("silent", rate(0, 0)),
    row("calm", rate(99, 100, 0.95, 1)),
    row("large", rate(990, 1000, 0.98, 0.99)),
    row("short", rate(3, 4, 0.3, 0.954)),
    row("waits", rate(99, 100, 0.95, 1), { waiting: 1, longest_wait_since: now - 30 }),
    row("fresh", rate(9, 9, 0.7, 1), { waiting: 1, longest_wait_since: now - 1 }),
    row("below", rate(800, 1000, 0.77, 0.83)),
  ];
  assert.deepEqual(byTrouble(rows, now).map(({ code }) => code), ["below", "waits", "short", "large", "calm", "fresh", "silent"]);
});

test("no requests: no service level; the budget bar is as long as what was allowed", () => {
  assert.equal(within20(row("silent", rate(0, 0))), null);
  assert.equal(allowance(row("x", rate(97, 100, 0.9, 0.99), { misses_left: 2 })), 5);
});

test("figures never round up to a whole they have not reached", () => {
  assert.equal(percent(0.99996), "99.9%");
  assert.equal(percent(1), "100%");
  assert.equal(percent(0.29), "29.0%");
  assert.equal(percent(null), "–");
  assert.equal(objectivePercent(0.995), "99.5%");
  assert.equal(clockSpan(3725.9), "1:02:05");
  assert.equal(clockSpan(-1), "0:00");
});
