// The live feed: hello → snapshot → numbered deltas. One socket per page, reconnected with growing pauses.
// Nothing heard for STALE_MS means the page must say so; a gap in the numbers means a fresh snapshot.
import { batch, computed, signal } from "@preact/signals";
import { second, serverNow, setServerNow } from "./clock";
import { loadSession, session } from "./session";
import type { AgentRow, FeedMessage, LinkRow, ProvinceRow, Sections, WaitingRow } from "./types";

export type FeedState = "connecting" | "live" | "stale" | "offline";

const STALE_MS = 5000;
const GIVE_UP_MS = 12000;
const PING_MS = 2000;
const PAUSES_MS = [300, 1000, 2000, 4000, 8000];
const SESSION_ENDED = 4401;

export const feedState = signal<FeedState>("connecting");
/** Server time of the last message heard; null before the first. */
export const heardAt = signal<number | null>(null);
/** Page-clock milliseconds at which the next attempt starts; null when none is planned. */
export const retryAt = signal<number | null>(null);
export const isLive = computed(() => feedState.value === "live");
/** The second that the figures are of: it stands still while they are old. */
export const asOf = computed(() => (isLive.value || heardAt.value === null ? second.value : Math.floor(heardAt.value)));

export const provinces = signal<ReadonlyMap<string, ProvinceRow>>(new Map());
export const agents = signal<ReadonlyMap<string, AgentRow>>(new Map());
export const waiting = signal<ReadonlyMap<string, WaitingRow>>(new Map());
export const link = signal<ReadonlyMap<string, LinkRow>>(new Map());
export const totals = signal<ProvinceRow | null>(null);
export const me = signal<AgentRow | null>(null);

const tables = { provinces, agents, waiting, link } as const;
type TableName = keyof typeof tables;

let socket: WebSocket | null = null;
let seq = -1;
let lastHeard = 0;
let attempts = 0;
let retry = 0;
let watch = 0;
let pinged = 0;

export function startFeed(): void {
  stopFeed();
  attempts = 0;
  open();
  watch = window.setInterval(checkFeed, 1000);
}

export function stopFeed(): void {
  clearInterval(watch);
  clearTimeout(retry);
  drop();
}

/** Send to the server if the socket is open; true if it was sent. */
export function sendFeed(message: { type: string; [key: string]: unknown }): boolean {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

/** Mark what is old, ping what is quiet. Also called from the lease's Worker timer, which no browser slows down. */
export function checkFeed(): void {
  const quiet = performance.now() - lastHeard;
  if (feedState.value === "live" && quiet > STALE_MS) feedState.value = "stale";
  if (socket && quiet > GIVE_UP_MS) reconnect();
  else if (quiet >= PING_MS && performance.now() - pinged >= PING_MS) {
    pinged = performance.now();
    sendFeed({ type: "ping" });
  }
}

function open(): void {
  clearTimeout(retry);
  retryAt.value = null;
  lastHeard = performance.now();
  seq = -1;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(`${scheme}://${location.host}/api/v1/feed`);
  socket = mine;
  mine.onmessage = (event) => mine === socket && hear(String(event.data));
  mine.onclose = (event) => mine === socket && closed(event.code);
}

function drop(): void {
  const old = socket;
  socket = null;
  old?.close();
}

function closed(code: number): void {
  socket = null;
  if (code === SESSION_ENDED) session.value = null;
  else reconnect();
}

function reconnect(): void {
  drop();
  feedState.value = "offline";
  const pause = PAUSES_MS[Math.min(attempts, PAUSES_MS.length - 1)]! * (0.75 + Math.random() / 2);
  attempts += 1;
  retryAt.value = performance.now() + pause;
  clearTimeout(retry);
  retry = window.setTimeout(() => {
    open();
    // A refused upgrade looks like a lost line; the session tells which it was.
    if (attempts > 1) void loadSession();
  }, pause);
}

function hear(text: string): void {
  const message = JSON.parse(text) as FeedMessage;
  lastHeard = performance.now();
  batch(() => {
    if ("now" in message && typeof message.now === "number") setServerNow(message.now);
    heardAt.value = serverNow();
    if (message.type === "snapshot") takeSnapshot(message);
    else if (message.type === "delta") takeDelta(message);
    else if (message.type === "resync") reconnect();
    if (seq >= 0 && socket) feedState.value = "live";
  });
}

function takeSnapshot(message: FeedMessage & { type: "snapshot" }): void {
  seq = message.seq;
  attempts = 0;
  for (const name of Object.keys(tables) as TableName[]) {
    tables[name].value = new Map(Object.entries(message.data[name] ?? {})) as never;
  }
  totals.value = message.data.totals ?? null;
  me.value = message.data.me ?? null;
}

function takeDelta(message: FeedMessage & { type: "delta" }): void {
  if (message.seq !== seq + 1) {
    if (seq >= 0) reconnect();
    return;
  }
  seq = message.seq;
  const set: Partial<Sections> = message.set ?? {};
  for (const name of Object.keys(tables) as TableName[]) patch(name, set[name], message.del?.[name]);
  if (set.totals !== undefined) totals.value = set.totals;
  if (set.me !== undefined) me.value = set.me;
}

function patch(name: TableName, set: Record<string, unknown> | undefined, gone: string[] | undefined): void {
  if (!set && !gone) return;
  const rows = new Map<string, unknown>(tables[name].value);
  for (const key of gone ?? []) rows.delete(key);
  for (const [key, row] of Object.entries(set ?? {})) rows.set(key, row);
  tables[name].value = rows as never;
}
