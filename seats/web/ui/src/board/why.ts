// Why an offer was made, as the engine writes it, in the reader's language.
import { lang, t, tCode, type Key } from "../common/i18n";
import { poolName } from "./pools";

export type Why = {
  ring: number; pool: string; idle: string; among: number; waited: string;
  /** Absent where the caller was an ordinary one of a province at level 0. */
  priority?: number; level?: number; budget?: string;
  /** What spoke against those passed over, and how often. */
  skipped?: { reason: string; n: number }[];
};

const SENTENCE = new RegExp(
  /^ring (\d+) (\S+); idle (\d+\.\d) s, longest of (\d+); waited (\d+\.\d) s/.source
  + /(?:; priority (-?\d+), level (\d+), budget (-?\d+\.\d))?/.source
  + /(?:; passed over: (\d+ \w+(?:, \d+ \w+)*))?$/.source,
);

/** The parts of the sentence, seconds and budget as written; null when it is another sentence. */
export function parseWhy(text: string): Why | null {
  const found = SENTENCE.exec(text);
  if (!found) return null;
  const [, ring, pool, idle, among, waited, priority, level, budget, passed] = found as unknown as string[];
  const why: Why = { ring: Number(ring), pool: pool!, idle: idle!, among: Number(among), waited: waited! };
  if (priority !== undefined) Object.assign(why, { priority: Number(priority), level: Number(level), budget });
  if (passed !== undefined) why.skipped = passed.split(", ").map(count);
  return why;
}

function count(part: string): { reason: string; n: number } {
  const [n, reason] = part.split(" ");
  return { reason: reason!, n: Number(n) };
}

export function whyText(text: string): string {
  const why = parseWhy(text);
  if (!why) return text;
  const of = why.among > 1 ? t("why.longest", { n: why.among }) : t("why.only");
  const { ring, idle, waited } = why;
  const parts = [t("why.offer", { ring, idle, waited, pool: poolName(why.pool), of })];
  if (why.priority) parts.push(t(priorityKey(why.priority)));
  if (why.level !== undefined) {
    parts.push(t("why.steering", { level: tCode("steering.", String(why.level)), budget: why.budget! }));
  }
  if (why.skipped) {
    const reasons = why.skipped.map(({ reason, n }) => t("why.one_passed", { n, reason: tCode("passed.", reason) }));
    parts.push(t("why.passed", { reasons: reasons.join(lang.value === "zh" ? "、" : ", ") }));
  }
  return parts.join(lang.value === "zh" ? "；" : "; ");
}

/** The bands of the engine's order of service (seats/domain/rank.py). */
function priorityKey(priority: number): Key {
  if (priority > 0) return "why.callback";
  if (priority <= -60_000) return "why.rescued";
  if (priority <= -50_000) return "why.returned";
  if (priority <= -40_000) return "why.bound";
  return priority <= -20_000 ? "why.class" : "why.urgent";
}
