import { get } from "../common/api";
import { watchCallbacks } from "../common/callbacks";
import { second } from "../common/clock";
import { link } from "../common/feed";
import { clockTime } from "../common/format";
import { t, tCode } from "../common/i18n";
import { session } from "../common/session";
import { mount, Page } from "../common/shell";
import type { Choices } from "../common/types";
import { Agents, choices } from "./agents";
import { Chart } from "./chart";
import { Drawer } from "./drawer";
import { Headline } from "./headline";
import { loadPools } from "./pools";
import { Provinces } from "./provinces";
import { Staffing } from "./staffing";
import { Waiting } from "./waiting";
import "../styles/board.css";

mount(() => <Board />);
watchCallbacks();
session.subscribe((value) => {
  if (!value || value.user.role === "agent") return;
  void get<Choices>("/config/choices").then((found) => (choices.value = found)).catch(() => undefined);
  void loadPools().catch(() => undefined);
});

function Board() {
  if (session.value?.user.role === "agent") {
    return <Page name="page.board"><p class="muted center">{t("board.supervisors_only")}</p></Page>;
  }
  return (
    <Page name="page.board" bar={<><Links /><time class="clock">{clockTime(second.value)}</time></>}>
      <main class="board" data-testid="board">
        <Headline />
        <Provinces />
        <div class="right">
          <Chart />
          <Staffing />
          <Waiting />
          <Agents />
        </div>
      </main>
      <Drawer />
    </Page>
  );
}

function Links() {
  return (
    <>
      {[...link.value].map(([node, { state, reason }]) => (
        <span key={node} class={`badge link-${state}`} title={reason} data-testid={`link-${node}`} data-state={state}>
          <i class="dot" />{node} {tCode("link.", state)}
        </span>
      ))}
    </>
  );
}
