// The server's time, as told by the feed, carried on by the page's monotonic clock.
import { computed, signal } from "@preact/signals";

let offset = Date.now() / 1000 - performance.now() / 1000;

/** Unix seconds on the server. */
export const serverNow = (): number => performance.now() / 1000 + offset;

export function setServerNow(now: number): void {
  offset = now - performance.now() / 1000;
}

/** Server time as signals: reading one redraws four times or once a second. */
export const now = signal(serverNow());
export const second = computed(() => Math.floor(now.value));
setInterval(() => (now.value = serverNow()), 250);

/** Unix seconds when the current day began for the person looking. */
export function dayStart(): number {
  const day = new Date(serverNow() * 1000);
  day.setHours(0, 0, 0, 0);
  return day.getTime() / 1000;
}
