// The answerability lease: every few seconds, proof that this desk can really answer, or the reason why not.
import { computed, signal } from "@preact/signals";
import { checkFeed, isLive, me, sendFeed } from "../common/feed";
import { audioRunning, micState, outputPresent } from "./audio";
import { phoneState } from "./phone";
import { tabState } from "./tab";

export type Fault =
  | "" | "other_tab" | "taken_over" | "insecure" | "mic_asking" | "mic_refused" | "no_microphone"
  | "microphone_muted" | "audio_blocked" | "no_output" | "not_registered" | "feed_down";

const ASLEEP_MS = 9000;

/** Seconds this page was put to sleep by the browser or the computer; 0 when it was not, or has been told. */
export const slept = signal(0);

/** What this desk lacks, most basic first; empty when nothing. */
export const fault = computed<Fault>(() => {
  if (me.value && me.value.seat.kind !== "browser") return isLive.value ? "" : "feed_down";
  if (tabState.value === "other") return "other_tab";
  if (phoneState.value === "taken") return "taken_over";
  return micFault() || soundFault() || (phoneState.value !== "registered" ? "not_registered" : lineFault());
});

const lineFault = (): Fault => (isLive.value ? "" : "feed_down");

function micFault(): Fault {
  switch (micState.value) {
    case "insecure": return "insecure";
    case "asking": return "mic_asking";
    case "refused": return "mic_refused";
    case "missing":
    case "lost": return "no_microphone";
    case "muted": return "microphone_muted";
    case "live": return "";
  }
}

const soundFault = (): Fault => (!audioRunning.value ? "audio_blocked" : !outputPresent.value ? "no_output" : "");

/** The code the server keeps; the desk tells its agent more finely. */
function code(value: Fault): string {
  switch (value) {
    case "insecure":
    case "mic_asking":
    case "mic_refused": return "no_microphone";
    case "taken_over": return "other_tab";
    case "feed_down": return ""; // it is heard again the moment this arrives
    default: return value;
  }
}

/** What is told at once: a fault that comes or goes, and a line that is back, as the server may take us for dead. */
const news = computed(() => `${fault.value} ${isLive.value}`);

let worker: Worker | null = null;
let lastTick = 0;
let stopWatching: () => void = () => undefined;

export function startLease(): void {
  if (worker) return;
  lastTick = Date.now();
  worker = new Worker(new URL("./lease.worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = () => {
    noticeSleep();
    checkFeed();
    proveNow();
  };
  stopWatching = news.subscribe(proveNow);
}

export function stopLease(): void {
  worker?.terminate();
  worker = null;
  stopWatching();
}

/** Send the proof. A tab that does not hold the phone says nothing: it must not speak for the one that does. */
export function proveNow(): void {
  if (me.value?.seat.kind !== "browser" || tabState.value !== "holder" || phoneState.value === "taken") return;
  sendFeed({ type: "lease", fault: code(fault.value) });
}

function noticeSleep(): void {
  const gap = Date.now() - lastTick;
  lastTick = Date.now();
  if (gap > ASLEEP_MS) slept.value = Math.round(gap / 1000);
}
