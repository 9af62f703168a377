// Who is to be called back, the oldest first, with the sums of today.
import { callbacks, cancel } from "../common/callbacks";
import { asOf } from "../common/feed";
import { clockSpan } from "../common/format";
import { provinceName, t, tCode } from "../common/i18n";

export function Callbacks() {
  const found = callbacks.value;
  const rows = [...(found?.callbacks ?? [])].sort((a, b) => a.asked_at - b.asked_at);
  return (
    <>
      {found && (
        <p class="sums" data-testid="callback-sums">
          {t("callback.sums", { calling: found.calling, done: found.done_today, lost: found.lost_today })}
          {found.dial === "off" && <small> {t("callback.off")}</small>}
        </p>
      )}
      {rows.length === 0 && <p class="muted empty">{t("callback.none")}</p>}
      <ul data-testid="callbacks">
        {rows.map((row) => (
          <li key={row.id} data-callback={row.id} data-state={row.state}>
            <span class="grow" title={tCode("callback.source.", row.source)}>
              {provinceName(row.province)} <small>{row.number_masked}</small>
            </span>
            <small>
              {row.state === "calling" ? t("callback.calling") : row.attempts > 0 && t("callback.attempts", { n: row.attempts })}
            </small>
            <time title={t("callback.age")}>{clockSpan(asOf.value - row.asked_at)}</time>
            <button class="quiet" onClick={() => void cancel(row.id)} data-testid="callback-cancel">{t("callback.cancel")}</button>
          </li>
        ))}
      </ul>
    </>
  );
}
