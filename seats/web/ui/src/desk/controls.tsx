// Ready, or not ready with a reason. During a call the choice is kept for afterwards.
import { signal } from "@preact/signals";
import { me } from "../common/feed";
import { choiceName, lang, t } from "../common/i18n";
import { choices, choose, mode } from "./state";

const open = signal(false);
window.addEventListener("click", (event) => {
  if (!(event.target as HTMLElement).closest(".menu")) open.value = false;
});
window.addEventListener("keydown", (event) => event.key === "Escape" && (open.value = false));

export function Controls() {
  const agent = me.value!;
  const busy = mode.value !== "idle";
  const next = busy && agent.reserved ? agent.reserved : agent;
  return (
    <div class="controls">
      {busy && <span class="controls-label">{t("after_call")}</span>}
      <button
        class={next.chosen === "ready" ? "choice ready on" : "choice ready"}
        aria-pressed={next.chosen === "ready"}
        onClick={() => void choose("ready")}
        data-testid="ready"
      >
        {busy ? t("next.ready") : t("ready")}
      </button>
      <div class="menu">
        <button
          class={next.chosen === "not_ready" ? "choice away on" : "choice away"}
          aria-expanded={open.value}
          aria-haspopup="menu"
          onClick={() => (open.value = !open.value)}
          data-testid="not-ready"
        >
          {t("not_ready")}
          {next.chosen === "not_ready" && next.reason && ` · ${choiceName(choices.value.reasons, next.reason)}`}
          <i class="caret" />
        </button>
        {open.value && <Reasons current={next.chosen === "not_ready" ? next.reason : ""} />}
      </div>
      {busy && agent.reserved && (
        <span class="reserved" data-testid="reserved">
          {agent.reserved.chosen === "not_ready"
            ? t("reserved.not_ready", { reason: choiceName(choices.value.reasons, agent.reserved.reason) })
            : t("reserved.ready")}
        </span>
      )}
    </div>
  );
}

function Reasons({ current }: { current: string }) {
  const pick = (code: string) => {
    open.value = false;
    void choose("not_ready", code);
  };
  return (
    <div class="menu-list" role="menu">
      {choices.value.reasons.map((choice) => (
        <button
          key={choice.code}
          role="menuitemradio"
          aria-checked={choice.code === current}
          onClick={() => pick(choice.code)}
          data-testid={`reason-${choice.code}`}
        >
          {choice[lang.value]}
        </button>
      ))}
    </div>
  );
}
