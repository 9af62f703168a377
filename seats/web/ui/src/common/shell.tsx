// What every page has: sign-in, top bar, language, connection state, and a plain word when figures are old.
import { signal } from "@preact/signals";
import { render, type ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "./api";
import { now } from "./clock";
import { feedState, heardAt, isLive, me, retryAt, startFeed, stopFeed } from "./feed";
import { clockTime } from "./format";
import { lang, t, toggleLang, type Key } from "./i18n";
import { loadSession, serverAway, session, signIn, signOut } from "./session";
import "../styles/base.css";

type PageProps = { name: Key; children: ComponentChildren; bar?: ComponentChildren };

const failure = signal<string>("");
const busy = signal(false);

/** Put a page on the screen once somebody is signed in; the feed follows the session. */
export function mount(page: () => ComponentChildren): void {
  let user = "";
  session.subscribe((value) => {
    const login = value?.user.login ?? "";
    if (login === user) return;
    user = login;
    if (login) startFeed();
    else stopFeed();
  });
  void loadSession();
  const Root = () => <>{session.value ? page() : session.value === null ? <Login /> : <Waiting />}</>;
  render(<Root />, document.getElementById("app")!);
}

/** An error said to the person at the desk, until it is closed. */
export const notice = signal("");

export function explain(error: unknown): string {
  if (!(error instanceof Problem)) return t("error.unknown");
  if (error.status === 0) return t("error.network");
  if (error.status === 401) return t("error.session");
  return error.detail || error.title;
}

/** Run an action of the person; what goes wrong is said plainly. */
export async function act(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
    notice.value = "";
  } catch (error) {
    if (error instanceof Problem && error.status === 401) session.value = null;
    else notice.value = explain(error);
  }
}

export function Page({ name, children, bar }: PageProps) {
  const title = `${t(name)} · ${t("product")}`;
  useEffect(() => void (document.title = title), [title]);
  return (
    <div class={isLive.value ? "page" : "page old"}>
      <header class="bar">
        <span class="brand"><Mark />{t("product")}<b>{t(name)}</b></span>
        <span class="bar-mid">{bar}</span>
        <FeedBadge />
        <LangSwitch />
        <span class="who">{me.value?.name ?? session.value?.user.name}</span>
        <button class="quiet" onClick={() => void signOut()} data-testid="sign-out">{t("sign_out")}</button>
      </header>
      <OldBanner />
      {notice.value && (
        <div class="banner warn" role="alert" data-testid="notice">
          <span>{notice.value}</span>
          <button class="quiet" onClick={() => (notice.value = "")}>{t("close")}</button>
        </div>
      )}
      {children}
    </div>
  );
}

export function LangSwitch() {
  return (
    <button class="quiet lang" onClick={toggleLang} data-testid="lang" data-lang={lang.value}>
      {lang.value === "zh" ? "English" : "中文"}
    </button>
  );
}

function FeedBadge() {
  const state = feedState.value;
  return (
    <span class={`badge feed-${state}`} data-testid="feed-state" data-state={state}>
      <i class="dot" />
      {t(`feed.${state}`)}
    </span>
  );
}

/** Says that what stands below is not live, since when, and when the next attempt is made. */
function OldBanner() {
  if (isLive.value) return null;
  const seconds = retryAt.value === null ? 0 : Math.ceil((retryAt.value - performance.now()) / 1000);
  void now.value;
  return (
    <div class="banner bad" role="alert" data-testid="stale">
      <span>
        <b>{t("stale.title")}</b>{" "}
        {heardAt.value !== null && t("stale.since", { time: clockTime(heardAt.value) })}{" "}
        {seconds > 0 && t("stale.retry", { seconds })}
      </span>
      <button class="quiet" onClick={startFeed}>{t("stale.now")}</button>
    </div>
  );
}

function Waiting() {
  return (
    <main class="login">
      <p class="muted">{serverAway.value ? t("server.away") : t("loading")}</p>
    </main>
  );
}

export function Login() {
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    busy.value = true;
    failure.value = "";
    try {
      await signIn(String(form.get("login")), String(form.get("password")));
    } catch (error) {
      failure.value = loginFailure(error);
    }
    busy.value = false;
  };
  return (
    <main class="login">
      <form class="card" onSubmit={(event) => void submit(event)}>
        <h1><Mark />{t("product")}</h1>
        <p class="muted">{t("login.hint")}</p>
        <label>
          {t("login.name")}
          <input name="login" autocomplete="username" required autofocus data-testid="login-name" />
        </label>
        <label>
          {t("login.password")}
          <input name="password" type="password" autocomplete="current-password" required data-testid="login-password" />
        </label>
        <p class="form-error" role="alert" data-testid="login-error">{failure.value}</p>
        <button class="primary" disabled={busy.value} data-testid="login-submit">{t("login.submit")}</button>
        <LangSwitch />
      </form>
    </main>
  );
}

function loginFailure(error: unknown): string {
  if (!(error instanceof Problem)) return t("error.unknown");
  if (error.status === 401) return t("login.wrong");
  if (error.status === 429) return t("login.slow", { seconds: error.retryAfter ?? 60 });
  return explain(error);
}

/** The product's mark: a head-set. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M7 18v-2a9 9 0 0 1 18 0v2" />
      <path class="fill" d="M5.5 19a2 2 0 0 1 4.6 0v4a2 2 0 0 1-4.6 0zM21.9 19a2 2 0 0 1 4.6 0v4a2 2 0 0 1-4.6 0z" />
    </svg>
  );
}
