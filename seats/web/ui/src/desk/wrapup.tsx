// After the call: what it was about, and how long there is before the next.
import { useRef } from "preact/hooks";
import { now } from "../common/clock";
import { me } from "../common/feed";
import { t } from "../common/i18n";
import { Caller } from "./caller";
import { Dial } from "./dial";
import { Dispositions } from "./dispositions";
import { finishWrapUp } from "./state";

export function WrapUp() {
  const until = me.value?.wrap_up_until ?? now.value;
  const whole = useRef(until - (me.value?.since ?? now.value));
  return (
    <div class="panel wrap" data-testid="wrapup">
      <div class="state" data-testid="state" data-state="wrap_up">{t("display.wrap_up")}</div>
      <div class="ring-body">
        <Caller testid="wrapup-province" />
        <Dial left={until - now.value} whole={whole.current} label={t("seconds")} />
      </div>
      <Dispositions />
      <div class="actions">
        <button class="primary large" onClick={() => void finishWrapUp()} data-testid="wrapup-done">
          {t("wrapup.done")} <kbd>Enter</kbd>
        </button>
      </div>
    </div>
  );
}
