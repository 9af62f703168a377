// Who is to be called back: asked for now and then, and right after something was done about one.
import { signal } from "@preact/signals";
import { get, post } from "./api";
import { session } from "./session";
import { act } from "./shell";
import type { CallbacksView } from "./types";

const EVERY_MS = 10_000;
const SHOWN = 50;
/** The ledger is written a moment after the deed. */
const WRITTEN_MS = 400;

export const callbacks = signal<CallbacksView | null>(null);

const load = async (): Promise<void> =>
  void (callbacks.value = await get<CallbacksView>(`/callbacks?state=open&limit=${SHOWN}`));
const refresh = (): void => void (session.value && load().catch(() => undefined));

/** Keep the list fresh from now on. */
export function watchCallbacks(): void {
  session.subscribe((value) => (value ? refresh() : void (callbacks.value = null)));
  setInterval(refresh, EVERY_MS);
}

async function deed(id: string, what: string): Promise<void> {
  await act(() => post(`/callbacks/${encodeURIComponent(id)}/${what}`));
  setTimeout(refresh, WRITTEN_MS);
}

/** Ring me, then the customer. */
export const take = (id: string): Promise<void> => deed(id, "take");
export const cancel = (id: string): Promise<void> => deed(id, "cancel");
