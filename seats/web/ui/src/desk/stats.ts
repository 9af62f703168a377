// What the call sounds like, from getStats: counters of both directions, loss, delay, and one word for it.
import { computed, signal } from "@preact/signals";

export type CallStats = {
  received: number; sent: number; energy: number;
  /** Share of packets lost in the last seconds, 0–1; delay variation and round trip in milliseconds. */
  loss: number; jitter: number; roundTrip: number | null;
};
export type Quality = "good" | "fair" | "bad" | "silent" | "none";

const empty: CallStats = { received: 0, sent: 0, energy: 0, loss: 0, jitter: 0, roundTrip: null };
export const stats = signal<CallStats>(empty);
/** Figures of a call are there. */
export const measured = signal(false);
/** Nothing arrived for some seconds: the caller cannot be heard. */
const silent = signal(false);

/** Bad speech is felt from about 5 % loss, 60 ms jitter or 400 ms round trip on. */
export const quality = computed<Quality>(() => {
  if (!measured.value) return "none";
  if (silent.value) return "silent";
  const { loss, jitter, roundTrip } = stats.value;
  if (loss > 0.05 || jitter > 60 || (roundTrip ?? 0) > 400) return "bad";
  return loss > 0.015 || jitter > 30 || (roundTrip ?? 0) > 250 ? "fair" : "good";
});

const WINDOW_MS = 6000;
let seen: { at: number; received: number; lost: number }[] = [];

export function clearStats(): void {
  stats.value = empty;
  measured.value = false;
  silent.value = false;
  seen = [];
}

export async function pollStats(connection: RTCPeerConnection | null): Promise<void> {
  if (!connection || connection.connectionState === "closed") return;
  const next = { ...empty };
  let lost = 0;
  for (const report of (await connection.getStats()).values()) {
    if (report.type === "inbound-rtp") {
      next.received = report.packetsReceived ?? 0;
      next.energy = report.totalAudioEnergy ?? 0;
      next.jitter = (report.jitter ?? 0) * 1000;
      lost = Math.max(0, report.packetsLost ?? 0);
    } else if (report.type === "outbound-rtp") next.sent = report.packetsSent ?? 0;
    else if (report.type === "remote-inbound-rtp" && report.roundTripTime !== undefined) {
      next.roundTrip = report.roundTripTime * 1000;
    }
  }
  const at = performance.now();
  seen = [...seen.filter((sample) => at - sample.at < WINDOW_MS), { at, received: next.received, lost }];
  next.loss = recentLoss();
  stats.value = next;
  silent.value = seen.length > 3 && seen[0]!.received === next.received;
  measured.value = seen.length > 3 || next.received > 0;
}

const HEARING_MS = 300;

/** Whether sound arrives now: listens for a moment. */
export async function isHeard(connection: RTCPeerConnection): Promise<boolean> {
  const before = await received(connection);
  await new Promise((done) => setTimeout(done, HEARING_MS));
  return (await received(connection)) > before;
}

async function received(connection: RTCPeerConnection): Promise<number> {
  const reports = [...(await connection.getStats()).values()];
  return reports.find((report) => report.type === "inbound-rtp")?.packetsReceived ?? 0;
}

function recentLoss(): number {
  const [first, last] = [seen[0]!, seen.at(-1)!];
  const [got, gone] = [last.received - first.received, last.lost - first.lost];
  return got + gone > 0 ? gone / (got + gone) : 0;
}
