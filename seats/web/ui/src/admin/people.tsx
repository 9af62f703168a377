// Who may sign in, and the seat and pools of those who take calls.
import { signal } from "@preact/signals";
import { provinceName, t, tCode } from "../common/i18n";
import { agents, people, type Person } from "./data";

const filter = signal("");

export function PeopleView() {
  const wanted = filter.value.trim().toLowerCase();
  const shown = people.value.filter(({ login, name }) => `${login} ${name}`.toLowerCase().includes(wanted));
  return (
    <section class="card sheet">
      <header>
        <h2>{t("admin.people")} <b>{people.value.length}</b></h2>
        <input
          type="search"
          placeholder={t("admin.filter_people")}
          aria-label={t("admin.filter_people")}
          value={filter.value}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
      </header>
      <table>
        <thead>
          <tr>
            <th>{t("admin.login")}</th><th>{t("admin.name")}</th><th>{t("admin.role")}</th>
            <th>{t("admin.province")}</th><th>{t("admin.seat")}</th><th>{t("admin.pools")}</th><th>{t("admin.state")}</th>
          </tr>
        </thead>
        <tbody>{shown.map((person) => <Row key={person.login} person={person} />)}</tbody>
      </table>
      {shown.length === 0 && <p class="muted empty">{t("admin.none")}</p>}
    </section>
  );
}

function Row({ person }: { person: Person }) {
  const agent = person.agent_id === null ? undefined : agents.value.get(person.agent_id);
  return (
    <tr data-testid={`user-${person.login}`}>
      <th scope="row">{person.login}</th>
      <td>{person.name}</td>
      <td>{tCode("role.", person.role)}</td>
      <td>{agent ? provinceName(agent.province) : "–"}</td>
      <td>{agent ? <>{tCode("kind.", agent.seat.kind)} <small>{agent.seat.address}</small></> : "–"}</td>
      <td class="wide">{agent ? agent.pools.join(", ") : "–"}</td>
      <td>{agent ? tCode("display.", agent.display) : "–"}</td>
    </tr>
  );
}
