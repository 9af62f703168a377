// What the desk shows, computed from the feed and the phone; and what the agent can do.
import { computed, effect, signal } from "@preact/signals";
import { get, post } from "../common/api";
import { me } from "../common/feed";
import { act } from "../common/shell";
import type { CallView, Chosen, Choices, OfferView, Today } from "../common/types";
import { hangup as endLeg, leg } from "./phone";

export type Mode = "offer" | "talk" | "wrap_up" | "idle";

/** The phone hears of ringing and talking first; the feed knows who the caller is. */
export const mode = computed<Mode>(() => {
  if (leg.value?.state === "talking" || me.value?.call) return "talk";
  if (leg.value || me.value?.offer) return "offer";
  return me.value?.wrap_up_until != null ? "wrap_up" : "idle";
});

/** The caller of the present or the last call. */
export const caller = signal<OfferView | CallView | null>(null);
effect(() => {
  const known = me.value?.offer ?? me.value?.call;
  if (known) caller.value = known;
});

export const choices = signal<Choices>({ reasons: [], dispositions: [] });
export const today = signal<Today | null>(null);
const kept = new Map<string, string>();
let unsent = false;
/** Disposition chosen for the present call; "" when none is yet. */
export const disposition = signal("");
const request = computed(() => caller.value?.request ?? "");
effect(() => {
  unsent = false;
  disposition.value = kept.get(request.value) ?? "";
});

export const loadChoices = async (): Promise<void> => void (choices.value = await get<Choices>("/config/choices"));
export const loadToday = async (): Promise<void> => void (today.value = await get<Today>("/me/today"));

const self = (): string => `/agents/${encodeURIComponent(me.value?.id ?? "")}`;

/** Ask for a state; during a call or wrap-up it is kept for afterwards. */
export function choose(state: Chosen, reason?: string): Promise<void> {
  return act(() => post(`${self()}/state`, reason ? { state, reason } : { state }));
}

/** Keep what the call is about, and tell the server as soon as it knows of the call. */
export function setDisposition(code: string): Promise<void> {
  kept.set(request.value, code);
  disposition.value = code;
  unsent = true;
  return sendDisposition();
}

async function sendDisposition(): Promise<void> {
  if (!unsent || !(me.value?.call || me.value?.wrap_up_until != null)) return;
  unsent = false;
  await act(() => post(`${self()}/wrapup`, { disposition: disposition.value, done: false }));
}

export function finishWrapUp(): Promise<void> {
  const code = unsent ? disposition.value : "";
  unsent = false;
  return act(() => post(`${self()}/wrapup`, { disposition: code, done: true }));
}

/** A browser call is ended by its phone; a call on a telephone is ended by the PBX for us. */
export async function hangup(): Promise<void> {
  if (!endLeg()) await act(() => post(`${self()}/hangup`));
}

// The phone may be talking before the server says so: a disposition chosen then is sent a moment later.
effect(() => {
  if (me.value?.call || me.value?.wrap_up_until != null) void sendDisposition();
});
