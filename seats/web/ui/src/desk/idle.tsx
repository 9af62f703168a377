// No call: one large word, and, when no call can come, one line saying why and what to click.
import { now } from "../common/clock";
import { me } from "../common/feed";
import { clockSpan } from "../common/format";
import { choiceName, t, tCode, type Key } from "../common/i18n";
import type { AgentRow } from "../common/types";
import { openMic, wakeAudio } from "./audio";
import { fault, type Fault } from "./lease";
import { startPhone } from "./phone";
import { choices, choose } from "./state";
import { takePhone } from "./tab";

type Why = { text: string; action?: { label: string; run: () => void } };

export function Idle() {
  const agent = me.value!;
  const why = whyNot(agent, fault.value);
  const state = bigState(agent, why !== null);
  return (
    <div class={`panel idle ${state}`}>
      <div class="state" data-testid="state" data-state={state}>
        <span>
          {tCode("display.", state)}
          {state === "not_ready" && agent.reason && <small> · {choiceName(choices.value.reasons, agent.reason)}</small>}
        </span>
        <time>{clockSpan(now.value - agent.since)}</time>
      </div>
      {why ? <NotAnswerable why={why} /> : <p class="hint">{tCode("idle.", state)}</p>}
    </div>
  );
}

function NotAnswerable({ why }: { why: Why }) {
  return (
    <div class="why" role="alert" data-testid="not-answerable" data-fault={fault.value}>
      <p>{why.text}</p>
      {why.action && <button class="primary" onClick={why.action.run} data-testid="fix">{why.action.label}</button>}
    </div>
  );
}

/** What the person chose, unless they chose to be ready and cannot be. */
function bigState(agent: AgentRow, blocked: boolean): string {
  if (agent.chosen !== "ready") return agent.chosen;
  return agent.display === "resting" ? "resting" : blocked ? "unreachable" : "ready";
}

function whyNot(agent: AgentRow, missing: Fault): Why | null {
  if (missing) return { text: t(`fault.${missing}` as Key), ...remedy(agent, missing) };
  if (agent.display === "resting") {
    return { text: t("fault.resting", { misses: agent.misses }), action: { label: t("ready"), run: () => void choose("ready") } };
  }
  if (agent.display !== "unreachable") return null;
  if (agent.lease_fault === "another_call") return { text: t("fault.another_call") };
  if (agent.seat.kind === "sip") return { text: t("fault.sip_seat") };
  return agent.chosen === "signed_out" ? null : { text: t("fault.server") };
}

function remedy(agent: AgentRow, missing: Fault): Pick<Why, "action"> {
  const action = (label: Key, run: () => void) => ({ action: { label: t(label), run } });
  switch (missing) {
    case "other_tab": return action("fix.take_over", () => takePhone(agent.id));
    case "taken_over": return action("fix.use_here", () => void startPhone());
    case "mic_refused":
    case "no_microphone": return action("fix.retry", () => void openMic());
    case "audio_blocked": return action("fix.sound", () => void wakeAudio());
    case "not_registered": return action("fix.reconnect", () => void startPhone());
    default: return {};
  }
}
