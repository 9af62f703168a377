import { effect, untracked } from "@preact/signals";
import { post } from "../common/api";
import { watchCallbacks } from "../common/callbacks";
import { feedState, me } from "../common/feed";
import { mount } from "../common/shell";
import { session } from "../common/session";
import { flash } from "./attention";
import { beep, closeMic, openMic, startRing, stopRing } from "./audio";
import { Desk } from "./desk";
import { listenKeys } from "./keys";
import { startLease, stopLease } from "./lease";
import { answer, forgetAnswer, leg, phoneState, startPhone, stopPhone } from "./phone";
import { autoAnswer } from "./settings";
import { loadChoices, loadToday, mode } from "./state";
import { holdPhone, releasePhone, tabState } from "./tab";

mount(() => <Desk />);
listenKeys();
watchCallbacks();

// The phone belongs to the signed-in agent with a browser seat, and to one tab.
const seat = () => (session.value?.user.agent_id && me.value?.seat.kind === "browser" ? me.value.id : "");
let holding = "";
effect(() => {
  const agent = session.value ? seat() || holding : "";
  if (agent === holding) return;
  holding = agent;
  untracked(() => (agent ? takeSeat(agent) : leaveSeat()));
});

function takeSeat(agent: string): void {
  holdPhone(agent);
  void openMic();
  startLease();
}

function leaveSeat(): void {
  stopLease();
  closeMic();
  releasePhone();
}

tabState.subscribe((state) => void (state === "holder" ? startPhone() : stopPhone()));

// Ringing is heard and seen, also from another tab.
effect(() => {
  if (leg.value?.state !== "ringing" || !autoAnswer.value) return;
  beep();
  answer();
});
effect(() => {
  const ringing = leg.value?.state === "ringing";
  if (ringing) startRing();
  else stopRing();
  flash(ringing || (mode.value === "offer" && leg.value === null));
});
effect(() => {
  if (!me.value?.offer && !leg.value) forgetAnswer();
});

// Own figures: at the start, around each call (the ledger is written a moment later), and now and then.
const WRITTEN_MS = 1200;
const freshen = () => session.value && void loadToday().catch(() => undefined);
effect(() => {
  if (!session.value || mode.value === "offer") return;
  freshen();
  const later = setTimeout(freshen, WRITTEN_MS);
  return () => clearTimeout(later);
});
setInterval(freshen, 30_000);
session.subscribe((value) => value && void loadChoices().catch(() => undefined));

// A line that was lost took the phone's socket with it, though the browser may not have noticed yet.
let lost = false;
effect(() => {
  if (feedState.value === "offline") lost = true;
  if (!lost || feedState.value !== "live" || leg.value) return;
  lost = false;
  if (tabState.peek() === "holder") void startPhone();
});

// A page that was loaded in the middle of a call has no sound of it: the PBX drops that leg, keeps the caller
// and rings here again.
let fresh = true;
effect(() => {
  if (!fresh || phoneState.value !== "registered" || feedState.value !== "live" || !me.value) return;
  fresh = false;
  const { id, call } = me.value;
  if (call && !leg.peek()) void post(`/agents/${encodeURIComponent(id)}/leg-lost`).catch(() => undefined);
});

window.addEventListener("beforeunload", (event) => {
  if (leg.value?.state === "talking") event.preventDefault();
});
