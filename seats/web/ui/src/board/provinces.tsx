// Every province in one row, those in trouble first. The order holds still under a hand that moves on the table,
// not under a pointer that was left there.
import { asOf, provinces } from "../common/feed";
import { clockSpan, NONE, objectivePercent, percent } from "../common/format";
import { lang, t, type Key } from "../common/i18n";
import { steeringWords } from "./steering";
import type { ProvinceRow } from "../common/types";
import { openProvince } from "./drawer";
import { allowance, byTrouble, longWait, sign, verdict, within20 } from "./figures";

const ORDER_S = 3;
const HOLD_MS = 6000;
const columns: readonly Key[] = [
  "col.province", "col.waiting", "col.longest", "col.talking", "col.ready", "col.requests", "col.rate",
  "col.reported", "col.sl20", "col.budget", "col.objective", "col.steering", "col.expected",
];

let movedAt = -HOLD_MS;
let order: string[] = [];
let orderedAt = 0;

function ordered(rows: ReadonlyMap<string, ProvinceRow>): ProvinceRow[] {
  const due = asOf.value - orderedAt >= ORDER_S && performance.now() - movedAt >= HOLD_MS;
  if (due || order.length !== rows.size) {
    order = byTrouble(rows.values(), asOf.value).map((row) => row.code);
    orderedAt = asOf.value;
  }
  return order.flatMap((code) => rows.get(code) ?? []);
}

export function Provinces() {
  return (
    <section
      class="card provinces"
      onPointerMove={() => (movedAt = performance.now())}
      onPointerLeave={() => (movedAt = -HOLD_MS)}
    >
      <table>
        <thead>
          <tr>{columns.map((key) => <th key={key} scope="col" class={key.replace(".", "-")}>{t(key)}</th>)}</tr>
        </thead>
        <tbody>{ordered(provinces.value).map((row) => <Row key={row.code} row={row} />)}</tbody>
      </table>
    </section>
  );
}

function Row({ row }: { row: ProvinceRow }) {
  const { today } = row.rate.strict;
  const judged = verdict(today, row.objective);
  const since = row.longest_wait_since;
  const heat = longWait(row, asOf.value) ? "hot" : "some";
  return (
    <tr class={judged} data-testid={`province-${row.code}`} data-verdict={judged} onClick={() => openProvince(row.code)}>
      <th scope="row">
        <button title={t(`verdict.${judged}`)}><i class="sign">{sign[judged]}</i>{lang.value === "zh" ? <>{row.zh} <small>{row.en}</small></> : row.en}</button>
      </th>
      <td data-field="waiting" class={row.waiting > 0 ? heat : "zero"}>{row.waiting}</td>
      <td data-field="longest" class={since === null ? "zero" : heat}>{since === null ? NONE : clockSpan(asOf.value - since)}</td>
      <td data-field="talking" class={row.talking > 0 ? "" : "zero"}>{row.talking}</td>
      <td data-field="ready" class={row.agents_signed_in > 0 ? "" : "zero"}>
        {row.ready}<small>/{row.agents_signed_in}</small>
      </td>
      <td data-field="requests">{row.today.requests > 0 ? row.today.requests : NONE}</td>
      <td data-field="rate" data-n={today.n} data-k={today.k}><RateCell row={row} /></td>
      <td data-field="reported">{percent(row.rate.reported.today.rate)}</td>
      <td data-field="sl20">{percent(within20(row), 0)}</td>
      <td data-field="budget" data-left={row.misses_left ?? ""}><Budget row={row} /></td>
      <td data-field="objective" class="zero">{row.objective === null ? NONE : objectivePercent(row.objective)}</td>
      <SteeringCell row={row} />
      <ExpectedCell row={row} />
    </tr>
  );
}

function SteeringCell({ row }: { row: ProvinceRow }) {
  const { steering } = row;
  if (!steering) return <td data-field="steering" class="zero">{NONE}</td>;
  const { tone, text, hint } = steeringWords(steering);
  return (
    <td data-field="steering" data-level={steering.level} class={`steering ${tone}`} title={hint}><span>{text}</span></td>
  );
}

function ExpectedCell({ row }: { row: ProvinceRow }) {
  const wait = row.expected_wait;
  if (!wait) return <td data-field="expected" class="zero">{NONE}</td>;
  return (
    <td data-field="expected" class={wait.seconds < 0.5 ? "zero" : ""} title={t("expected.hint")}>
      {Math.round(wait.seconds)}<small>{wait.error !== null && ` ±${Math.round(wait.error)}`} {t("seconds")}</small>
    </td>
  );
}

function RateCell({ row }: { row: ProvinceRow }) {
  const { n, rate, low, high } = row.rate.strict.today;
  if (rate === null || low === null || high === null) return <span class="rate-cell"><b>{NONE}</b></span>;
  return (
    <span class="rate-cell">
      <b>{percent(rate)}</b>
      <Interval low={low} rate={rate} high={high} objective={row.objective} />
      <small>{edge(low)}–{edge(high)}</small>
      <small class="n">n {n}</small>
    </span>
  );
}

const edge = (value: number): string => percent(value).replace("%", "");

const FROM = 0.85;
const place = (value: number): number => Math.max(0, (value - FROM) / (1 - FROM)) * 80;

/** The interval as a line, the rate as a dot, the objective as a tick; 85 % to 100 %. */
function Interval({ low, rate, high, objective }: { low: number; rate: number; high: number; objective: number | null }) {
  return (
    <svg class="interval" viewBox="-3 0 86 14" aria-hidden="true">
      <line class="axis" x1="0" x2="80" y1="7" y2="7" />
      <line x1={place(low)} x2={place(high)} y1="7" y2="7" />
      <circle cx={place(rate)} cy="7" r="2.8" />
      {objective !== null && <line class="goal" x1={place(objective)} x2={place(objective)} y1="0.5" y2="13.5" />}
    </svg>
  );
}

function Budget({ row }: { row: ProvinceRow }) {
  const left = row.misses_left;
  if (left === null || row.rate.strict.today.n === 0) return <span class="zero">{NONE}</span>;
  const share = Math.min(1, Math.max(0, left / allowance(row)));
  return (
    <span class={left < 0 ? "budget over" : "budget"} title={t("budget.hint")}>
      <i><i style={{ width: `${share * 100}%` }} /></i>
      <span>{left < 0 ? `−${-left}` : left}</span>
    </span>
  );
}
