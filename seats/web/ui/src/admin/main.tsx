import { signal } from "@preact/signals";
import { t, type Key } from "../common/i18n";
import { session } from "../common/session";
import { act, mount, Page } from "../common/shell";
import { loadAdmin } from "./data";
import { NodesView } from "./nodes";
import { PeopleView } from "./people";
import { RoutingView } from "./routing";
import "../styles/admin.css";

const views = { routing: RoutingView, people: PeopleView, nodes: NodesView } as const;
const names: Record<keyof typeof views, Key> = {
  routing: "admin.routing", people: "admin.people", nodes: "admin.nodes",
};
const open = signal<keyof typeof views>("routing");
const isAdmin = (): boolean => session.value?.user.role === "admin";

mount(() => <Admin />);
session.subscribe(() => void (isAdmin() && act(loadAdmin)));

function Admin() {
  const View = views[open.value];
  if (!isAdmin()) return <Page name="page.admin"><p class="muted center">{t("admin.only")}</p></Page>;
  return (
    <Page name="page.admin">
      <main class="admin" data-testid="admin">
        <nav>
          {(Object.keys(views) as (keyof typeof views)[]).map((name) => (
            <button key={name} aria-current={open.value === name} onClick={() => (open.value = name)} data-testid={`tab-${name}`}>
              {t(names[name])}
            </button>
          ))}
        </nav>
        <View />
      </main>
    </Page>
  );
}
