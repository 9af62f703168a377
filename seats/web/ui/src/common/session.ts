// Who is signed in. `undefined` while asking, `null` when nobody is.
import { effect, signal } from "@preact/signals";
import { api, get, post, Problem, setCsrf } from "./api";
import type { Session } from "./types";

export const session = signal<Session | null | undefined>(undefined);
export const serverAway = signal(false);

effect(() => setCsrf(session.value?.csrf ?? ""));

/** Ask the server who we are; keeps asking while it is away. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>("/session");
    serverAway.value = false;
  } catch (error) {
    if (error instanceof Problem && (error.status === 401 || error.status === 403)) {
      session.value = null;
      serverAway.value = false;
      return;
    }
    serverAway.value = true;
    if (session.value === undefined) setTimeout(() => void loadSession(), 2000);
  }
}

export async function signIn(login: string, password: string): Promise<void> {
  session.value = await post<Session>("/session", { login, password });
}

export async function signOut(): Promise<void> {
  await api("DELETE", "/session").catch(() => undefined);
  session.value = null;
}
