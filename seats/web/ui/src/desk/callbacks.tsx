// Callers an agent may call back: one click rings the agent, then the customer.
import { callbacks, take } from "../common/callbacks";
import { now } from "../common/clock";
import { me } from "../common/feed";
import { clockSpan } from "../common/format";
import { provinceName, t } from "../common/i18n";

const SHOWN = 5;

export function Callbacks() {
  const found = callbacks.value;
  const rows = (found?.callbacks ?? []).filter((row) => row.state === "waiting");
  if (!found || found.dial === "off" || rows.length === 0) return null;
  const free = me.value?.display === "ready";
  return (
    <section class="card callbacks" data-testid="callbacks">
      <h2>{t("callback.title")} <b>{rows.length}</b></h2>
      <ul>
        {[...rows].sort((a, b) => a.asked_at - b.asked_at).slice(0, SHOWN).map((row) => (
          <li key={row.id} data-callback={row.id}>
            <span class="grow">{provinceName(row.province)} <small>{row.number_masked}</small></span>
            <time title={t("callback.age")}>{clockSpan(now.value - row.asked_at)}</time>
            <button onClick={() => void take(row.id)} disabled={!free} data-testid="callback-take">{t("callback.take")}</button>
          </li>
        ))}
      </ul>
      {!free && <p class="muted">{t("callback.ready_first")}</p>}
    </section>
  );
}
