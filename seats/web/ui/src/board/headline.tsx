// The nation in one line, readable from across the room.
import { asOf, totals } from "../common/feed";
import { clockSpan, NONE, percent } from "../common/format";
import { t, type Key } from "../common/i18n";
import type { Rate, Rates } from "../common/types";

export function Headline() {
  const nation = totals.value;
  if (!nation) return null;
  const since = nation.longest_wait_since;
  return (
    <section class="headline" aria-label={t("board.nation")}>
      <RateCard title="board.strict" hint="board.strict_hint" rates={nation.rate.strict} testid="nation" />
      <RateCard title="board.reported" hint="board.reported_hint" rates={nation.rate.reported} testid="nation-reported" />
      <Big title="board.waiting" tone={nation.waiting > 0 ? "ring" : ""} testid="nation-waiting">{nation.waiting}</Big>
      <Big title="board.longest" tone={since === null ? "" : "ring"} testid="nation-longest">
        {since === null ? NONE : clockSpan(asOf.value - since)}
      </Big>
      <Big title="board.ready" tone="ready" testid="nation-ready">{nation.ready}</Big>
      <Big title="board.talking" tone="talk" testid="nation-talking">{nation.talking}</Big>
    </section>
  );
}

/** How much room a figure needs: the style sheet makes it as large as the room allows. */
const chars = (figure: string) => ({ "--chars": figure.length });

type RateCardProps = { title: Key; hint: Key; rates: Rates; testid: string };

function RateCard({ title, hint, rates, testid }: RateCardProps) {
  return (
    <div class="card rates" title={t(hint)}>
      <h2>{t(title)}</h2>
      <RateFigure label="board.today" rate={rates.today} testid={testid} />
      <RateFigure label="board.hour" rate={rates.hour} testid={`${testid}-hour`} />
    </div>
  );
}

function RateFigure({ label, rate, testid }: { label: Key; rate: Rate; testid: string }) {
  const figure = percent(rate.rate, 2);
  return (
    <div class="rate-figure">
      <small>{t(label)}</small>
      <b data-testid={`${testid}-rate`} style={chars(figure)}>{figure}</b>
      <small class="figures">
        <span data-testid={`${testid}-n`} data-n={rate.n}>n {rate.n}</span>
        {rate.low !== null && rate.high !== null && (
          <span title={t("board.interval")}> · {percent(rate.low)}–{percent(rate.high)}</span>
        )}
      </small>
    </div>
  );
}

function Big({ title, tone, testid, children }: { title: Key; tone: string; testid: string; children: string | number }) {
  return (
    <div class={`card big ${tone}`}>
      <h2>{t(title)}</h2>
      <b data-testid={testid} style={chars(String(children))}>{children}</b>
    </div>
  );
}
