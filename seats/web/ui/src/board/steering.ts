// How a province is steered, in words a supervisor understands.
import { t, tCode } from "../common/i18n";
import type { Steering } from "../common/types";

export type Words = { tone: "zero" | "up" | "lost"; text: string; hint: string };

/** What is done for the objective; or that it is out of reach, and what is lacking. */
export function steeringWords(steering: Steering): Words {
  if (!steering.feasible) {
    const cause = steering.cause === "skills" ? "skills" : "agents";
    const n = steering.missing;
    return { tone: "lost", text: t(`steering.${cause}`, { n }), hint: t(`steering.${cause}.hint`, { n }) };
  }
  const level = String(steering.level);
  const hint = tCode("steering.hint.", level).replace("{credit}", steering.credit.toFixed(1));
  return { tone: steering.level > 0 ? "up" : "zero", text: tCode("steering.", level), hint };
}
