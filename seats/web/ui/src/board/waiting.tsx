// Who waits, the longest first.
import { asOf, waiting } from "../common/feed";
import { clockSpan } from "../common/format";
import { provinceName, t } from "../common/i18n";

const SHOWN = 50;

export function Waiting() {
  const rows = [...waiting.value.values()].sort((a, b) => a.arrived_at - b.arrived_at);
  return (
    <section class="card list waiting" data-testid="waiting">
      <h2>{t("board.waiting_list")} <b>{rows.length}</b></h2>
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
    </section>
  );
}
