// One tab holds the phone. The browser's lock manager decides, so a crashed tab can never keep it.
import { signal } from "@preact/signals";

export type TabState = "waiting" | "holder" | "other";

export const tabState = signal<TabState>("waiting");

let queue = new AbortController();
let release: (() => void) | null = null;

/** Take the phone if no other tab has it, else when that tab closes. Where there are no locks this tab has it. */
export function holdPhone(agent: string): void {
  if (!navigator.locks) {
    tabState.value = "holder";
    return;
  }
  void request(agent, { ifAvailable: true }).then((held) => held || void waitForPhone(agent));
}

/** Take the phone away from the tab that has it; that tab is told. */
export function takePhone(agent: string): void {
  queue.abort();
  void request(agent, { steal: true });
}

export function releasePhone(): void {
  queue.abort();
  release?.();
  release = null;
  tabState.value = "waiting";
}

function waitForPhone(agent: string): Promise<boolean> {
  tabState.value = "other";
  queue = new AbortController();
  return request(agent, { signal: queue.signal });
}

/** Resolves when the lock is let go (true) or was not to be had (false). */
async function request(agent: string, options: LockOptions): Promise<boolean> {
  let held = false;
  try {
    await navigator.locks.request(`seats-phone-${agent}`, options, async (lock) => {
      if (!lock) return;
      held = true;
      tabState.value = "holder";
      await new Promise<void>((done) => (release = done));
    });
  } catch {
    if (held) void waitForPhone(agent); // another tab took it over
  }
  return held;
}
