// One call: its row of the ledger, and every decision in order.
import { agents } from "../common/feed";
import { clockSpan, dateTime, NONE } from "../common/format";
import { choiceName, provinceName, t, tCode } from "../common/i18n";
import type { RequestRow, TimelineEntry } from "../common/types";
import { choices } from "./agents";
import { poolName } from "./pools";
import { parseWhy, whyText } from "./why";

export function Timeline({ call, entries }: { call: RequestRow; entries: TimelineEntry[] }) {
  const facts: [string, string][] = [
    [t("calls.time"), dateTime(call.arrived_at)],
    [t("calls.number"), call.number_masked || NONE],
    [t("calls.outcome"), call.outcome ? tCode("outcome.", call.outcome) : t("calls.in_progress")],
    [t("calls.agent"), call.agent_name ?? NONE],
    [t("calls.talk"), call.talk_s === null ? NONE : clockSpan(call.talk_s)],
    [t("calls.ended_by"), call.ended_by ? tCode("ended.", call.ended_by) : NONE],
    [t("calls.offers"), String(call.offers)],
    [t("calls.source"), tCode("source.", call.source)],
    [t("calls.did"), call.did || NONE],
    [t("calls.disposition"), call.disposition ? choiceName(choices.value.dispositions, call.disposition) : NONE],
  ];
  return (
    <div class="call-detail" data-testid="call-detail">
      <dl>{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {call.reconstructed && <p class="muted">{t("calls.reconstructed")}</p>}
      <h2>{t("calls.timeline")}</h2>
      <ol class="timeline" data-testid="timeline">
        {entries.map((entry, n) => (
          <li key={n} data-kind={entry.kind}>
            <time title={dateTime(entry.at)}>+{(entry.at - call.arrived_at).toFixed(2)} s</time>
            <div>
              <b>{title(entry)}</b>
              <p>
                {Object.entries(entry.data).filter(([name, value]) => told(entry, name, value)).map(([name, value]) => (
                  <span key={name}>{tCode("field.", label(entry, name))}: {words(label(entry, name), value)}</span>
                ))}
              </p>
            </div>
          </li>
        ))}
      </ol>
      <p class="muted id">{call.id}</p>
    </div>
  );
}

/** What says nothing is left out, and what the reason of an offer says again. */
function told({ data }: TimelineEntry, name: string, value: unknown): boolean {
  if (name === "offer" || value === null || value === undefined || value === "" || value === false) return false;
  return !(name === "ring" || name === "pool") || parseWhy(String(data["why"])) === null;
}

/** In a decision "ring" is the time it rang; elsewhere it is the ring that was open. */
const label = (entry: TimelineEntry, name: string): string =>
  name === "ring" && entry.kind === "request_decided" ? "ring_s" : name;

function title(entry: TimelineEntry): string {
  const known = tCode("", entry.text_key);
  return known === entry.text_key ? tCode("timeline.", entry.kind) : known;
}

const durations = new Set(["queue", "ring_s", "talk", "length"]);

/** A value of the record in words, where we have them. */
function words(name: string, value: unknown): string {
  if (name === "ring") return String(Number(value) + 1); // counted from 1, as people do
  if (typeof value === "number") return durations.has(name) ? `${value.toFixed(1)} s` : String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  switch (name) {
    case "agent": return agents.value.get(text)?.name ?? text;
    case "pool": return poolName(text);
    case "why": return whyText(text);
    case "province": return provinceName(text);
    case "result": return tCode("offer_result.", text);
    case "confidence": return tCode("confidence.", text);
    case "outcome": return tCode("outcome.", text);
    case "source": return tCode("source.", text);
    case "ended_by": return tCode("ended.", text);
    case "code": return choiceName(choices.value.dispositions, text);
    default: return text;
  }
}
