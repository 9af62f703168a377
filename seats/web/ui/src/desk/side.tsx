// Beside the panel: own figures of today, sound, settings, keys.
import { me } from "../common/feed";
import { clockSpan, NONE } from "../common/format";
import { t, type Key } from "../common/i18n";
import { Callbacks } from "./callbacks";
import { Quality } from "./quality";
import { autoAnswer } from "./settings";
import { today } from "./state";

const keys: readonly [string, Key][] = [["Enter", "answer"], ["M", "mute"], ["End", "hangup"], ["R", "ready"]];

export function Side() {
  const browser = me.value?.seat.kind === "browser";
  return (
    <aside class="side">
      <Figures />
      <Callbacks />
      {browser && <Quality />}
      {browser && (
        <section class="card">
          <label class="switch">
            <input
              type="checkbox"
              checked={autoAnswer.value}
              onChange={(event) => (autoAnswer.value = event.currentTarget.checked)}
              data-testid="auto-answer"
            />
            {t("auto_answer")}
          </label>
          <p class="muted keys">
            {keys.map(([key, does]) => <span key={key}><kbd>{key}</kbd> {t(does)}</span>)}
          </p>
        </section>
      )}
    </aside>
  );
}

function Figures() {
  const day = today.value;
  const mean = day && day.connected > 0 ? clockSpan(day.talk_s / day.connected) : NONE;
  return (
    <section class="card figures">
      <h2>{t("today")}</h2>
      <dl>
        <div class="wide"><dt>{t("today.connected")}</dt><dd data-testid="today-connected">{day?.connected ?? NONE}</dd></div>
        <div><dt>{t("today.offers")}</dt><dd>{day?.offers ?? NONE}</dd></div>
        <div><dt>{t("today.missed")}</dt><dd>{day?.missed ?? NONE}</dd></div>
        <div><dt>{t("today.mean")}</dt><dd>{mean}</dd></div>
        <div><dt>{t("today.talk")}</dt><dd>{day ? clockSpan(day.talk_s) : NONE}</dd></div>
        <div><dt>{t("today.ready")}</dt><dd>{day ? clockSpan(day.ready_s) : NONE}</dd></div>
        <div><dt>{t("today.not_ready")}</dt><dd>{day ? clockSpan(day.not_ready_s) : NONE}</dd></div>
      </dl>
    </section>
  );
}
