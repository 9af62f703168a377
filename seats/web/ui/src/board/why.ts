// Why an offer was made, as the engine writes it, in the reader's language.
import { t } from "../common/i18n";
import { poolName } from "./pools";

export type Why = { ring: number; pool: string; idle: string; among: number; waited: string };

const SENTENCE = /^ring (\d+) (\S+); idle (\d+\.\d) s, longest of (\d+); waited (\d+\.\d) s$/;

/** The parts of the sentence, seconds as written; null when it is another sentence. */
export function parseWhy(text: string): Why | null {
  const found = SENTENCE.exec(text);
  if (!found) return null;
  const [, ring, pool, idle, among, waited] = found as unknown as string[];
  return { ring: Number(ring), pool: pool!, idle: idle!, among: Number(among), waited: waited! };
}

export function whyText(text: string): string {
  const why = parseWhy(text);
  if (!why) return text;
  const of = why.among > 1 ? t("why.longest", { n: why.among }) : t("why.only");
  return t("why.offer", { ...why, pool: poolName(why.pool), of });
}
