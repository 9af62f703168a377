// What the call sounds like, from getStats: counters of both directions, loss, delay, and one word for it.
import { computed, signal } from "@preact/signals";

export type CallStats = {
  received: number; sent: number; energy: number;
  /** Share of packets lost in the last seconds, 0–1; delay variation and round trip in milliseconds. */
  loss: number; jitter: number; roundTrip: number | null;
};
export type Quality = "good" | "fair" | "bad" | "none";

const empty: CallStats = { received: 0, sent: 0, energy: 0, loss: 0, jitter: 0, roundTrip: null };
export const stats = signal<CallStats>(empty);
export const measured = signal(false);

/** Bad speech is felt from about 5 % loss, 60 ms jitter or 400 ms round trip on. */
export const quality = computed<Quality>(() => {
  if (!measured.value) return "none";
  const { loss, jitter, roundTrip } = stats.value;
  if (loss > 0.05 || jitter > 60 || (roundTrip ?? 0) > 400) return "bad";
  return loss > 0.015 || jitter > 30 || (roundTrip ?? 0) > 250 ? "fair" : "good";
});

let seen: { at: number; received: number; lost: number }[] = [];

export function clearStats(): void {
  stats.value = empty;
  measured.value = false;
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
  next.loss = recentLoss(next.received, lost);
  stats.value = next;
  measured.value = next.received > 0;
}

function recentLoss(received: number, lost: number): number {
  const at = performance.now();
  seen = [...seen.filter((sample) => at - sample.at < 8000), { at, received, lost }];
  const first = seen[0]!;
  const [got, gone] = [received - first.received, lost - first.lost];
  return got + gone > 0 ? gone / (got + gone) : 0;
}
