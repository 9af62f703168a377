// The browser phone: JsSIP over our own WebSocket. It registers, shows the incoming call, answers when told to.
import { batch, signal } from "@preact/signals";
import { UA, WebSocketInterface } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { IncomingRTCSessionEvent } from "jssip/lib/UA";
import { get } from "../common/api";
import type { PhoneConfig } from "../common/types";
import { micForCall, playRemote } from "./audio";
import { clearStats, isHeard, pollStats, stats } from "./stats";

export type PhoneState = "off" | "connecting" | "registering" | "registered" | "failed" | "taken";
export type Leg = { offer: string; state: "ringing" | "answering" | "talking"; since: number; muted: boolean };

const SESSION_ENDED = 4401;
const TAKEN_OVER = 4409;
const ICE_PATIENCE_MS = 400;

export const phoneState = signal<PhoneState>("off");
export const phoneDetail = signal("");
export const leg = signal<Leg | null>(null);

let ua: UA | null = null;
let call: RTCSession | null = null;
let ice: RTCIceServer[] = [];
let statsTimer = 0;
let starting = 0;
/** The agent pressed "answer" before the INVITE was here. */
let answerWhenHere = false;
/** The line broke during this call: whether it still stands, only the PBX knows. */
let torn = false;

export async function startPhone(): Promise<void> {
  stopPhone();
  const attempt = ++starting;
  phoneState.value = "connecting";
  try {
    const config = await get<PhoneConfig>("/phone");
    if (attempt === starting) register(config);
  } catch (error) {
    if (attempt !== starting) return;
    phoneState.value = "failed";
    phoneDetail.value = error instanceof Error ? error.message : "";
    setTimeout(() => attempt === starting && void startPhone(), 3000);
  }
}

export function stopPhone(): void {
  starting += 1;
  const old = ua;
  ua = null;
  old?.stop();
  ended();
  phoneState.value = "off";
}

function register(config: PhoneConfig): void {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  ice = config.ice_servers;
  const mine = new UA({
    sockets: [new WebSocketInterface(`${scheme}://${location.host}${config.ws_path}`)],
    uri: config.uri,
    authorization_user: config.username,
    password: config.password,
    register_expires: 120,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 8,
    user_agent: "seats-desk",
  });
  ua = mine;
  const state = (value: PhoneState, detail = "") => {
    if (ua !== mine) return;
    phoneState.value = value;
    phoneDetail.value = detail;
  };
  mine.on("connecting", () => state("connecting"));
  mine.on("connected", () => state("registering"));
  mine.on("registered", () => state("registered"));
  mine.on("unregistered", () => state(mine.isConnected() ? "registering" : "connecting"));
  mine.on("registrationFailed", ({ cause }) => {
    state("failed", cause ?? "");
    setTimeout(() => ua === mine && mine.isConnected() && mine.register(), 5000);
  });
  mine.on("disconnected", ({ code }) => {
    if (ua === mine) lineBroke();
    if (code === TAKEN_OVER || code === SESSION_ENDED) {
      state("taken");
      if (ua === mine) ua = null;
      mine.stop();
    } else state("connecting");
  });
  mine.on("newRTCSession", ({ originator, session, request }: IncomingRTCSessionEvent) => {
    const offer = request.getHeader("X-Seats-Offer") ?? request.from.display_name ?? "";
    if (String(originator) !== "remote") session.terminate({ status_code: 486 });
    else if (!call) incoming(session, offer);
    else void callInTheWay(session, offer);
  });
  mine.start();
}

function incoming(session: RTCSession, offer: string): void {
  call = session;
  leg.value = { offer, state: "ringing", since: performance.now(), muted: false };
  session.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", (event) => playRemote(event.streams[0] ?? new MediaStream([event.track])));
  });
  let patience = 0;
  session.on("icecandidate", ({ ready }) => {
    clearTimeout(patience);
    patience = window.setTimeout(ready, ICE_PATIENCE_MS);
  });
  session.on("confirmed", () => {
    change({ state: "talking", since: performance.now() });
    clearInterval(statsTimer);
    statsTimer = window.setInterval(() => void pollStats(session.connection), 1000);
  });
  const over = () => call === session && ended();
  session.on("ended", over);
  session.on("failed", over);
  if (answerWhenHere) answer();
}

/** Answer the call that rings; if its INVITE is still on the way, answer it on arrival. */
export function answer(): void {
  answerWhenHere = call === null;
  if (!call || leg.value?.state !== "ringing") return;
  const mic = micForCall();
  change({ state: "answering" });
  clearStats();
  call.answer({
    ...(mic ? { mediaStream: mic } : { mediaConstraints: { audio: true, video: false } }),
    pcConfig: { iceServers: ice },
  });
  const mine = call;
  const stopMic = () => mic?.getTracks().forEach((track) => track.stop());
  mine.on("ended", stopMic);
  mine.on("failed", stopMic);
}

/** The offer is over: a call that comes later is another one, and is not answered unasked. */
export function forgetAnswer(): void {
  answerWhenHere = false;
}

export function reject(): void {
  if (call?.isInProgress()) call.terminate({ status_code: 486 });
}

/** End the call; true if there was one here to end. */
export function hangup(): boolean {
  if (!call) return false;
  call.terminate();
  return true;
}

export function toggleMute(): void {
  if (!call?.isEstablished()) return;
  const muted = !leg.value?.muted;
  if (muted) call.mute({ audio: true });
  else call.unmute({ audio: true });
  change({ muted });
}

/** What rang on the old line rings no more, though nobody can say so; a talk may go on without it. */
function lineBroke(): void {
  if (leg.value?.state === "ringing") dropCall();
  torn = call !== null;
}

/** The PBX rings while there is a call here. One whose line broke may have ended unheard: its sound tells. */
async function callInTheWay(next: RTCSession, offer: string): Promise<void> {
  const old = call;
  const stands = !torn || (await isHeard(old!.connection));
  if (next.isEnded()) return;
  if (call && (call !== old || stands)) return next.terminate({ status_code: 486 });
  batch(() => {
    dropCall();
    incoming(next, offer);
  });
}

function dropCall(): void {
  const old = call;
  ended();
  try {
    old?.terminate();
  } catch {
    // it was over already
  }
}

function change(part: Partial<Leg>): void {
  if (leg.value) leg.value = { ...leg.value, ...part };
}

function ended(): void {
  call = null;
  leg.value = null;
  answerWhenHere = false;
  torn = false;
  clearInterval(statsTimer);
  playRemote(null);
}

declare global {
  interface Window {
    __seats?: { readonly phone: unknown };
  }
}
Object.defineProperty(window, "__seats", {
  value: Object.freeze({
    get phone() {
      return { state: phoneState.value, detail: phoneDetail.value, leg: leg.value, stats: stats.value };
    },
  }),
});
