// Talking: with whom, how long, and the few things to do meanwhile.
import { now } from "../common/clock";
import { me } from "../common/feed";
import { clockSpan } from "../common/format";
import { t } from "../common/i18n";
import { Caller } from "./caller";
import { Dispositions } from "./dispositions";
import { leg, toggleMute } from "./phone";
import { hangup } from "./state";

export function CallPanel() {
  const muted = leg.value?.muted ?? false;
  const dialling = me.value?.call?.customer_there === false;
  return (
    <div class="panel talk" data-testid="call">
      <div class="state" data-testid="state" data-state="talking">
        {t(dialling ? "callback.dialling" : me.value?.call?.callback ? "callback.talking" : "display.talking")}
        {muted && <em class="muted-flag">{t("muted")}</em>}
        <time>{clockSpan(seconds())}</time>
      </div>
      <Caller testid="call-province" />
      {!leg.value && me.value?.seat.kind === "browser" && (
        <p class="why" role="alert" data-testid="not-answerable" data-fault="call_elsewhere">{t("call.elsewhere")}</p>
      )}
      <div class="actions">
        {leg.value && (
          <button class={muted ? "mute on" : "mute"} aria-pressed={muted} onClick={toggleMute} data-testid="mute">
            {muted ? t("unmute") : t("mute")} <kbd>M</kbd>
          </button>
        )}
        <button class="hangup" onClick={() => void hangup()} data-testid="hangup">{t("hangup")} <kbd>End</kbd></button>
      </div>
      <Dispositions />
    </div>
  );
}

function seconds(): number {
  const answered = me.value?.call?.answered_at;
  if (answered !== undefined) return now.value - answered;
  return leg.value && now.value ? (performance.now() - leg.value.since) / 1000 : 0;
}
