// PBX nodes and how each is reached, live.
import { link } from "../common/feed";
import { t, tCode } from "../common/i18n";
import { nodes } from "./data";

export function NodesView() {
  return (
    <section class="card sheet">
      <header><h2>{t("admin.nodes")}</h2></header>
      <table>
        <thead><tr><th>{t("admin.node")}</th><th>{t("admin.address")}</th><th>{t("admin.login")}</th><th>{t("admin.link")}</th></tr></thead>
        <tbody>
          {nodes.value.map((node) => {
            const state = link.value.get(node.name) ?? node.link;
            return (
              <tr key={node.name} data-testid={`node-${node.name}`} data-state={state?.state ?? ""}>
                <th scope="row">{node.name}</th>
                <td>{node.host}:{node.port}</td>
                <td>{node.username}</td>
                <td class="wide">
                  {state && <span class={`badge link-${state.state}`}><i class="dot" />{tCode("link.", state.state)}</span>}{" "}
                  <small>{state?.reason}</small>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {nodes.value.length === 0 && <p class="muted empty">{t("admin.none")}</p>}
    </section>
  );
}
