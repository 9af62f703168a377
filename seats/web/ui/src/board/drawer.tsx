// "Explain": a province opens into its calls of today, a call into everything that was decided about it.
import { signal } from "@preact/signals";
import { get } from "../common/api";
import { dayStart } from "../common/clock";
import { clockSpan, clockTime, NONE } from "../common/format";
import { choiceName, t, tCode } from "../common/i18n";
import { provinceNames } from "../common/provinces";
import { explain } from "../common/shell";
import type { RequestRow, TimelineEntry } from "../common/types";
import { choices } from "./agents";
import { Timeline } from "./timeline";

type Call = { request: RequestRow; timeline: TimelineEntry[] };

const PAGE = 50;

const province = signal<string | null>(null);
const calls = signal<RequestRow[]>([]);
const next = signal<string | null>(null);
const call = signal<Call | null>(null);
const busy = signal(false);
const failure = signal("");

export function openProvince(code: string): void {
  province.value = code;
  call.value = null;
  calls.value = [];
  next.value = null;
  void loadCalls();
}

function close(): void {
  province.value = null;
}

window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || province.value === null) return;
  if (call.value) call.value = null;
  else close();
});

async function load(work: () => Promise<void>): Promise<void> {
  busy.value = true;
  failure.value = "";
  await work().catch((error: unknown) => (failure.value = explain(error)));
  busy.value = false;
}

function loadCalls(): Promise<void> {
  return load(async () => {
    const code = province.value!;
    const query = new URLSearchParams({ province: code, since: String(dayStart()), limit: String(PAGE) });
    if (next.value) query.set("cursor", next.value);
    const page = await get<{ requests: RequestRow[]; next: string | null }>(`/requests?${query}`);
    if (province.value !== code) return;
    calls.value = [...calls.value, ...page.requests];
    next.value = page.next;
  });
}

const openCall = (id: string): Promise<void> =>
  load(async () => void (call.value = await get<Call>(`/requests/${encodeURIComponent(id)}`)));

export function Drawer() {
  if (province.value === null) return null;
  const [zh, en] = provinceNames(province.value);
  return (
    <div class="shade" onClick={(event) => event.target === event.currentTarget && close()}>
      <div class="drawer" role="dialog" aria-label={zh} data-testid="drawer">
        <header>
          <h1>{zh} <small>{en}</small></h1>
          {call.value && <button class="quiet" onClick={() => (call.value = null)} data-testid="drawer-back">← {t("calls.back")}</button>}
          <button class="quiet" onClick={close} data-testid="drawer-close">{t("close")} <kbd>Esc</kbd></button>
        </header>
        {failure.value && <p class="form-error" role="alert">{failure.value}</p>}
        {call.value ? <Timeline call={call.value.request} entries={call.value.timeline} /> : <Calls />}
      </div>
    </div>
  );
}

function Calls() {
  return (
    <div class="calls">
      <h2>{t("calls.title")}</h2>
      {!busy.value && !failure.value && calls.value.length === 0 && <p class="muted empty">{t("calls.none")}</p>}
      {calls.value.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>{t("calls.time")}</th><th>{t("calls.number")}</th><th>{t("calls.outcome")}</th>
              <th>{t("calls.queue")}</th><th>{t("calls.ring")}</th><th>{t("calls.talk")}</th>
              <th>{t("calls.agent")}</th><th>{t("calls.disposition")}</th>
            </tr>
          </thead>
          <tbody>{calls.value.map((row) => <CallRow key={row.id} row={row} />)}</tbody>
        </table>
      )}
      {busy.value && <p class="muted empty">{t("loading")}</p>}
      {next.value && !busy.value && <button onClick={() => void loadCalls()}>{t("calls.more")}</button>}
    </div>
  );
}

function CallRow({ row }: { row: RequestRow }) {
  const lost = row.outcome !== null && row.outcome !== "connected" && !row.outcome.startsWith("excluded");
  return (
    <tr onClick={() => void openCall(row.id)} data-testid="call-row" data-request={row.id}>
      <td><button>{clockTime(row.arrived_at)}</button></td>
      <td>{row.number_masked || NONE}</td>
      <td class={lost ? "lost" : ""}>{lost && "▼ "}{row.outcome ? tCode("outcome.", row.outcome) : t("calls.in_progress")}</td>
      <td>{seconds(row.queue_s)}</td>
      <td>{seconds(row.ring_s)}</td>
      <td>{row.talk_s === null ? NONE : clockSpan(row.talk_s)}</td>
      <td>{row.agent_name ?? NONE}</td>
      <td>{row.disposition ? choiceName(choices.value.dispositions, row.disposition) : NONE}</td>
    </tr>
  );
}

const seconds = (value: number | null): string => (value === null ? NONE : `${value.toFixed(1)} s`);
