// The province asks an agent back from a break: one line, until the agent chooses or the call for help is old.
import { provinceName, t } from "../common/i18n";
import type { AgentRow } from "../common/types";

const SHOWN_S = 300;

/** What the banner says; null when nobody is asked, or it was asked too long ago: it is asked again if needed. */
export function recallText(agent: AgentRow, now: number): string | null {
  const { recall } = agent;
  if (!recall || agent.chosen !== "not_ready" || now - recall.at > SHOWN_S) return null;
  const own = recall.province === agent.province;
  return t(own ? "recall" : "recall.other", { province: provinceName(recall.province) });
}
