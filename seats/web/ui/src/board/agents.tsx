// Agents by what they do now. A state is a filter; typing finds a person, a number or a province.
import { computed, signal } from "@preact/signals";
import { agents, asOf } from "../common/feed";
import { post, Problem } from "../common/api";
import { clockSpan } from "../common/format";
import { choiceName, provinceName, t, tCode } from "../common/i18n";
import { provinceNames } from "../common/provinces";
import type { AgentRow, Choices, Display } from "../common/types";

const SHOWN = 80;
/** Trouble first, those who are away last. */
const states: readonly Display[] = [
  "unreachable", "resting", "offered", "talking", "wrap_up", "ready", "not_ready", "signed_out",
];

export const choices = signal<Choices>({ reasons: [], dispositions: [] });
/** The agent whose state a supervisor is about to change, and why the last change was refused. */
const opened = signal("");
const refused = signal("");
const text = signal("");
const only = signal<Display | null>(null);

const groups = computed(() => {
  const found = new Map<Display, AgentRow[]>(states.map((state) => [state, []]));
  for (const agent of agents.value.values()) if (matches(agent)) found.get(agent.display)?.push(agent);
  return found;
});

const rows = computed(() => {
  const shown = only.value ? [only.value] : states.filter((state) => state !== "signed_out" || text.value);
  return shown.flatMap((state) => groups.value.get(state)!.toSorted((a, b) => a.since - b.since));
});

function matches(agent: AgentRow): boolean {
  const wanted = text.value.trim().toLowerCase();
  if (!wanted) return true;
  return [agent.id, agent.name, ...provinceNames(agent.province)].some((part) => part.toLowerCase().includes(wanted));
}

export function Agents() {
  const more = rows.value.length - SHOWN;
  return (
    <section class="card list agents">
      <h2>{t("board.agents")} <b>{agents.value.size}</b></h2>
      <div class="filters">
        {states.map((state) => (
          <button
            key={state}
            class={`tag ${state}`}
            aria-pressed={only.value === state}
            onClick={() => (only.value = only.value === state ? null : state)}
            data-testid={`agents-${state}`}
          >
            {t(`display.${state}`)} <b>{groups.value.get(state)!.length}</b>
          </button>
        ))}
      </div>
      <input
        type="search"
        placeholder={t("board.filter")}
        aria-label={t("board.filter")}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        data-testid="agents-filter"
      />
      {rows.value.length === 0 && <p class="muted empty">{t("board.nobody")}</p>}
      <ul>
        {rows.value.slice(0, SHOWN).map((agent) => <Row key={agent.id} agent={agent} />)}
        {more > 0 && <li class="muted">{t("board.more", { n: more })}</li>}
      </ul>
    </section>
  );
}

function Row({ agent }: { agent: AgentRow }) {
  const open = opened.value === agent.id;
  return (
    <>
      <li class={agent.display} data-testid={`agent-${agent.id}`} data-state={agent.display}>
        <i class="pip" />
        <button class="grow name" title={agent.id} aria-expanded={open} onClick={() => toggle(open ? "" : agent.id)}>
          {agent.name} <small>{provinceName(agent.province)}</small>
        </button>
        <small class="detail">{detail(agent)}</small>
        <time>{clockSpan(asOf.value - agent.since)}</time>
      </li>
      {open && <Actions agent={agent} />}
    </>
  );
}

/** For agents without a desk of their own: a telephone cannot say that it is ready. */
function Actions({ agent }: { agent: AgentRow }) {
  return (
    <li class="actions">
      {(["ready", "not_ready", "signed_out"] as const).map((state) => (
        <button
          key={state}
          class="quiet"
          disabled={agent.chosen === state}
          onClick={() => void change(agent, state)}
          data-testid={`set-${state}`}
        >
          {t(`board.set_${state}`)}
        </button>
      ))}
      {refused.value && <small class="error" role="alert">{refused.value}</small>}
    </li>
  );
}

function toggle(agent: string): void {
  opened.value = agent;
  refused.value = "";
}

async function change(agent: AgentRow, state: "ready" | "not_ready" | "signed_out"): Promise<void> {
  try {
    await post(`/agents/${encodeURIComponent(agent.id)}/state`, { state });
    toggle("");
  } catch (error) {
    refused.value = error instanceof Problem ? error.message : t("error.network");
  }
}

function detail(agent: AgentRow): string {
  if (agent.display === "unreachable" && agent.lease_fault) return tCode("lease.", agent.lease_fault);
  const state = t(`display.${agent.display}`);
  const caller = agent.call ?? agent.offer;
  if (caller) return caller.province === agent.province ? state : `${state} · ${provinceName(caller.province)}`;
  const reason = agent.display === "not_ready" ? agent.reason : "";
  return reason ? `${state} · ${choiceName(choices.value.reasons, reason)}` : state;
}
