// What the call was about, one click (or a digit) while talking or afterwards.
import { lang, t } from "../common/i18n";
import { choices, disposition, setDisposition } from "./state";

export function Dispositions() {
  return (
    <fieldset class="dispositions">
      <legend>{t("disposition")}</legend>
      {choices.value.dispositions.map((choice, n) => (
        <button
          key={choice.code}
          class={disposition.value === choice.code ? "chip on" : "chip"}
          aria-pressed={disposition.value === choice.code}
          onClick={() => void setDisposition(choice.code)}
          data-testid={`disposition-${choice.code}`}
        >
          {choice[lang.value]} <kbd>{n + 1}</kbd>
        </button>
      ))}
    </fieldset>
  );
}
