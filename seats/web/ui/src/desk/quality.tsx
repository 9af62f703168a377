// Is the telephone connected, and how does the call sound.
import { me } from "../common/feed";
import { t } from "../common/i18n";
import { micLevel, micState } from "./audio";
import { leg, phoneDetail, phoneState } from "./phone";
import { measured, quality, stats } from "./stats";

export function PhoneBadge() {
  if (me.value?.seat.kind !== "browser") {
    return <span class="badge">{t(me.value?.seat.kind === "mobile" ? "seat.mobile" : "seat.sip")}</span>;
  }
  return (
    <span class={`badge phone-${phoneState.value}`} title={phoneDetail.value} data-testid="phone-state" data-state={phoneState.value}>
      <i class="dot" />
      {t(`phone.${phoneState.value}`)}
    </span>
  );
}

export function Quality() {
  const { received, sent, energy, loss, jitter, roundTrip } = stats.value;
  const word = quality.value === "none" && leg.value?.state === "talking" ? "measuring" : quality.value;
  const level = Math.round(micLevel.value * 10);
  return (
    <section class="card quality">
      <h2>{t(measured.value && !leg.value ? "quality.last" : "quality")}</h2>
      <div
        class={`bars ${quality.value}`}
        data-testid="audio-stats"
        data-packets-received={received}
        data-packets-sent={sent}
        data-audio-energy={energy}
        data-quality={word}
      >
        <i /><i /><i /> <b>{t(`quality.${word}`)}</b>
      </div>
      {measured.value && (
        <p class="muted figures">
          {t("quality.detail", { loss: (loss * 100).toFixed(1), jitter: Math.round(jitter) })}
          {roundTrip !== null && t("quality.delay", { delay: Math.round(roundTrip) })}
        </p>
      )}
      {micState.value === "live" && (
        <div class="mic" title={t("mic.level")}>
          <span>{t("mic")}</span>
          <div class="meter">{Array.from({ length: 10 }, (_, n) => <i key={n} class={n < level ? "on" : ""} />)}</div>
        </div>
      )}
    </section>
  );
}
