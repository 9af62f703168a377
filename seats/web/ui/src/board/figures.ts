// What a province's figures mean: verdicts that wait for enough evidence, and the order of trouble.
import type { ProvinceRow, Rate } from "../common/types";

export type Verdict = "below" | "above" | "open" | "none";

/** A verdict only when the Wilson interval excludes the objective: one miss in four calls proves nothing. */
export function verdict(rate: Rate, objective: number | null): Verdict {
  if (rate.rate === null || rate.low === null || rate.high === null) return "none";
  if (objective === null) return "open";
  return rate.high < objective ? "below" : rate.low > objective ? "above" : "open";
}

/** One sign for each verdict, so that none depends on colour. */
export const sign: Record<Verdict, string> = { below: "▼", above: "▲", open: "○", none: "·" };

/** Share of the requests that count which were connected within 20 s; null when there were none. */
export function within20(row: ProvinceRow): number | null {
  const { n } = row.rate.strict.today;
  return n > 0 ? row.today.sl20 / n : null;
}

/** Misses the objective allowed in all so far today, for the length of the budget bar. */
export function allowance(row: ProvinceRow): number {
  const { n, k } = row.rate.strict.today;
  return Math.max(1, n - k + (row.misses_left ?? 0));
}

/** Rows in the order in which they need help. */
export function byTrouble(rows: Iterable<ProvinceRow>, now: number): ProvinceRow[] {
  const groups = new Map([...rows].map((row) => [row, group(row, now)]));
  return [...groups.keys()].sort((a, b) =>
    groups.get(a)! - groups.get(b)! || within(groups.get(a)!, a, b) || a.code.localeCompare(b.code));
}

const LONG_WAIT_S = 15;

/** Somebody waits longer than a call that is going well does. */
export function longWait(row: ProvinceRow, now: number): boolean {
  return row.longest_wait_since !== null && now - row.longest_wait_since > LONG_WAIT_S;
}

const BELOW = 0, WAITING = 1, SHORT = 2, CALM = 3, SILENT = 4;

function group(row: ProvinceRow, now: number): number {
  const today = row.rate.strict.today;
  if (verdict(today, row.objective) === "below") return BELOW;
  if (longWait(row, now)) return WAITING;
  if (today.rate === null) return row.today.requests > 0 ? CALM : SILENT;
  return row.objective !== null && today.rate < row.objective ? SHORT : CALM;
}

function within(group: number, a: ProvinceRow, b: ProvinceRow): number {
  switch (group) {
    case BELOW: return gap(b) - gap(a);
    case WAITING: return (a.longest_wait_since ?? Infinity) - (b.longest_wait_since ?? Infinity);
    case SHORT: return (a.misses_left ?? 0) - (b.misses_left ?? 0);
    default: return b.today.requests - a.today.requests;
  }
}

const gap = (row: ProvinceRow): number => (row.objective ?? 0) - (row.rate.strict.today.high ?? 1);
