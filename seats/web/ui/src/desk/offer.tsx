// A call is offered: who, how long there is to answer, and one large button.
import { useEffect, useRef } from "preact/hooks";
import { now } from "../common/clock";
import { me } from "../common/feed";
import { t } from "../common/i18n";
import { Caller } from "./caller";
import { Dial } from "./dial";
import { fault } from "./lease";
import { answer, leg, reject } from "./phone";

export function Offer() {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  const offer = me.value?.offer;
  const browser = me.value?.seat.kind === "browser";
  const elsewhere = fault.value === "other_tab" || fault.value === "taken_over";
  const answering = leg.value?.state === "answering";
  return (
    <div class="panel ring" data-testid="offer" data-offer={offer?.id ?? leg.value?.offer ?? ""}>
      <div class="state" data-testid="state" data-state="offered">{answering ? t("offer.connecting") : t(offer?.callback ? "offer.callback" : "offer.title")}</div>
      <div class="ring-body">
        <Caller testid="offer-province" />
        {offer && <Dial left={offer.deadline - now.value} whole={offer.deadline - offer.made_at} label={t("seconds")} />}
      </div>
      {elsewhere ? (
        <p class="hint">{t("offer.other_tab")}</p>
      ) : browser ? (
        <div class="actions">
          <button ref={button} class="answer" onClick={answer} disabled={answering} data-testid="answer">
            {t("answer")} <kbd>Enter</kbd>
          </button>
          <button class="reject" onClick={reject} disabled={answering || !leg.value} data-testid="reject">{t("reject")}</button>
        </div>
      ) : (
        <p class="hint">{t("offer.on_phone")}</p>
      )}
    </div>
  );
}
