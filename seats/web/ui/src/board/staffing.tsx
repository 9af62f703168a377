// How many agents the next hours need, and who is short of them. Reckoned by the server once a minute.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../common/api";
import { clockTime } from "../common/format";
import { lang, t } from "../common/i18n";
import type { Staffing as View, StaffingRow } from "../common/types";

const SHOWN = 3;
const EVERY_MS = 60_000;

const found = signal<View | null>(null);

async function load(): Promise<void> {
  found.value = await get<View>("/staffing?hours=3").catch(() => null);
}

/** Those who lack agents, the most first. */
export const short = (rows: readonly StaffingRow[]): StaffingRow[] =>
  rows.filter((row) => row.missing > 0).sort((a, b) => b.missing - a.missing || a.code.localeCompare(b.code));

const most = (row: StaffingRow): number => Math.max(0, ...row.hours.map((hour) => hour.needed));

const byHour = (row: StaffingRow): string =>
  row.hours.map((hour) => `${clockTime(hour.start).slice(0, 5)} ${hour.needed}`).join(" · ");

export function Staffing() {
  useEffect(() => {
    void load();
    const timer = setInterval(() => void load(), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const view = found.value;
  const lacking = view === null ? [] : short(view.provinces);
  return (
    <section class="card list staffing" data-testid="staffing" title={t("staffing.hint")}>
      <h2>{t("staffing.title")} {view !== null && <Sum row={view.totals} />}</h2>
      {view === null && <p class="muted empty">{t("staffing.none")}</p>}
      {view !== null && lacking.length === 0 && <p class="muted empty">{t("staffing.enough")}</p>}
      <ul>
        {lacking.slice(0, SHOWN).map((row) => (
          <li key={row.code} data-province={row.code} data-missing={row.missing}>
            <span class="grow">{lang.value === "zh" ? row.zh : row.en}</span>
            <small title={byHour(row)}>{t("staffing.row", { needed: most(row), present: row.present })}</small>
            <b class="short">{t("staffing.missing", { n: row.missing })}</b>
          </li>
        ))}
      </ul>
      {lacking.length > SHOWN && <p class="sums">{t("staffing.more", { n: lacking.length - SHOWN })}</p>}
    </section>
  );
}

/** The nation, if all served all: fewer than the sum of the provinces. */
function Sum({ row }: { row: StaffingRow }) {
  return <b data-testid="staffing-nation">{t("staffing.nation", { needed: most(row), present: row.present })}</b>;
}
