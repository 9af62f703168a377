// Who waits, the longest first; and, behind the second tab, who is to be called back.
import { signal } from "@preact/signals";
import { callbacks } from "../common/callbacks";
import { asOf, waiting } from "../common/feed";
import { clockSpan } from "../common/format";
import { provinceName, t } from "../common/i18n";
import { Callbacks } from "./callbacks";

const SHOWN = 50;
const tab = signal<"waiting" | "callbacks">("waiting");

export function Waiting() {
  const number = callbacks.value ? callbacks.value.waiting + callbacks.value.calling : 0;
  return (
    <section class="card list waiting" data-testid="waiting">
      <h2 class="tabs">
        <button aria-pressed={tab.value === "waiting"} onClick={() => (tab.value = "waiting")}>
          {t("board.waiting_list")} <b>{waiting.value.size}</b>
        </button>
        <button aria-pressed={tab.value === "callbacks"} onClick={() => (tab.value = "callbacks")} data-testid="tab-callbacks">
          {t("callback.title")} <b>{number}</b>
        </button>
      </h2>
      {tab.value === "waiting" ? <Callers /> : <Callbacks />}
    </section>
  );
}

function Callers() {
  const rows = [...waiting.value.values()].sort((a, b) => a.arrived_at - b.arrived_at);
  return (
    <>
      {rows.length === 0 && <p class="muted empty">{t("board.no_waiting")}</p>}
      <ul>
        {rows.slice(0, SHOWN).map((row) => (
          <li key={row.request} data-request={row.request} data-state={row.state}>
            <span class="grow">{provinceName(row.province)} <small>{row.number_masked}</small></span>
            <small>{row.state === "offered" ? t("board.offered") : t("board.rings", { n: row.rings_open })}</small>
            <time>{clockSpan(asOf.value - row.arrived_at)}</time>
          </li>
        ))}
      </ul>
    </>
  );
}
