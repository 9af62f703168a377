// Who calls: the province large in the reader's language, small in the other; the number masked.
import { lang, t } from "../common/i18n";
import { provinceNames } from "../common/provinces";
import { caller } from "./state";

export function Caller({ testid }: { testid: string }) {
  const who = caller.value;
  if (!who) return <div class="caller"><span class="province">{t("caller.unknown")}</span></div>;
  const [zh, en] = provinceNames(who.province);
  const [first, second] = lang.value === "zh" ? [zh, en] : [en, zh];
  return (
    <div class="caller">
      <span class="province" data-testid={testid} data-province={who.province}>
        {first || zh} {second && <small>{second}</small>}
      </span>
      <span class="number">{who.number_masked || t("caller.hidden")}</span>
    </div>
  );
}
