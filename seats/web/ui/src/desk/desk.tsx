// The desk: one large panel that says what is, one strip for what comes next, own figures beside.
import { now } from "../common/clock";
import { feedState, me } from "../common/feed";
import { t } from "../common/i18n";
import { session } from "../common/session";
import { Page } from "../common/shell";
import { CallPanel } from "./call";
import { Controls } from "./controls";
import { Idle } from "./idle";
import { slept } from "./lease";
import { Offer } from "./offer";
import { Side } from "./side";
import { recallText } from "./recall";
import { choose, mode } from "./state";
import { PhoneBadge } from "./quality";
import { WrapUp } from "./wrapup";
import "../styles/desk.css";

export function Desk() {
  const agent = me.value;
  return (
    <Page name="page.desk" bar={agent && <PhoneBadge />}>
      <main class="desk">{agent ? <Stage /> : <NoSeat />}</main>
    </Page>
  );
}

function Stage() {
  return (
    <>
      <section class="stage" data-mode={mode.value}>
        {slept.value > 0 && (
          <div class="banner warn" role="alert">
            <span>{t("slept", { seconds: slept.value })}</span>
            <button class="quiet" onClick={() => (slept.value = 0)}>{t("slept.ok")}</button>
          </div>
        )}
        <Recall />
        <Panel />
        <Controls />
      </section>
      <Side />
    </>
  );
}

function Recall() {
  const text = recallText(me.value!, now.value);
  if (text === null) return null;
  return (
    <div class="banner warn" role="alert" data-testid="recall">
      <span>{text}</span>
      <button class="primary" onClick={() => void choose("ready")} data-testid="recall-ready">{t("ready")}</button>
    </div>
  );
}

function Panel() {
  switch (mode.value) {
    case "offer": return <Offer />;
    case "talk": return <CallPanel />;
    case "wrap_up": return <WrapUp />;
    case "idle": return <Idle />;
  }
}

function NoSeat() {
  const text = session.value?.user.agent_id || feedState.value !== "live" ? t("loading") : t("no_seat_here");
  return <p class="muted center">{text}</p>;
}
