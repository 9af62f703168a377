// The one place that speaks HTTP: JSON in and out, CSRF header on unsafe methods, problem+json as errors.

let csrf = "";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAfter: number | null,
  ) {
    super(detail || title);
  }
}

/** The token every unsafe request carries; it comes with the session. */
export function setCsrf(token: string): void {
  csrf = token;
}

export async function api<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let reply: Response;
  try {
    reply = await fetch(`/api/v1${path}`, init);
  } catch {
    throw new Problem(0, "network", "", null);
  }
  if (!reply.ok) throw await problem(reply);
  return (reply.status === 204 || reply.headers.get("content-length") === "0" ? undefined : await json(reply)) as T;
}

export const get = <T>(path: string): Promise<T> => api<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => api<T>("POST", path, body);

async function json(reply: Response): Promise<unknown> {
  const text = await reply.text();
  return text ? JSON.parse(text) : undefined;
}

async function problem(reply: Response): Promise<Problem> {
  const body = (await reply.json().catch(() => ({}))) as { title?: string; detail?: string };
  const after = Number(reply.headers.get("Retry-After"));
  return new Problem(reply.status, body.title ?? reply.statusText, body.detail ?? "", after > 0 ? after : null);
}
