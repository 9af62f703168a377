// The live routing version: every province's objective and rings, pools with their floors, timings.
import { signal } from "@preact/signals";
import { dateTime, objectivePercent } from "../common/format";
import { lang, provinceName, t, tCode } from "../common/i18n";
import { provinceNames } from "../common/provinces";
import { routing, type Plan, type Ring } from "./data";

const filter = signal("");

export function RoutingView() {
  const live = routing.value;
  if (!live) return <p class="muted">{t("loading")}</p>;
  return (
    <>
      <Timings plan={live.plan} version={live.version} />
      <div class="columns">
        <Routes plan={live.plan} />
        <div class="stack">
          <Versions />
          <Pools plan={live.plan} />
        </div>
      </div>
    </>
  );
}

function Timings({ plan, version }: { plan: Plan; version: number }) {
  const span = (seconds: number) => `${seconds} ${t("seconds")}`;
  return (
    <section class="card timings">
      <h1>{t("admin.version", { version })} <small>{t("admin.readonly")}</small></h1>
      <dl>
        <div><dt>{t("admin.ring_timeout")}</dt><dd>{span(plan.ring_timeout)}</dd></div>
        <div><dt>{t("admin.wrap_up")}</dt><dd>{span(plan.wrap_up)}</dd></div>
        <div><dt>{t("admin.max_wait")}</dt><dd>{span(plan.max_wait)}</dd></div>
        <div><dt>{t("admin.rest_after")}</dt><dd>{t("admin.times", { n: plan.rest_after_misses })}</dd></div>
        {plan.short_abandon !== undefined && (
          <div><dt>{t("admin.short_abandon")}</dt><dd>{span(plan.short_abandon)}</dd></div>
        )}
        {plan.callbacks && <div><dt>{t("callback.title")}</dt><dd>{tCode("callback.dial.", plan.callbacks.dial)}</dd></div>}
      </dl>
    </section>
  );
}

function poolName(plan: Plan, id: string): string {
  const pool = plan.pools[id];
  return pool ? pool[lang.value] || id : id;
}

function Routes({ plan }: { plan: Plan }) {
  const wanted = filter.value.trim().toLowerCase();
  const shown = Object.entries(plan.provinces).filter(([code, { rings }]) =>
    [code, ...provinceNames(code), ...rings.flatMap(({ pool }) => [pool, poolName(plan, pool)])]
      .some((part) => part.toLowerCase().includes(wanted)));
  return (
    <section class="card sheet">
      <header>
        <h2>{t("admin.routing")}</h2>
        <input
          type="search"
          placeholder={t("admin.filter")}
          aria-label={t("admin.filter")}
          value={filter.value}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
      </header>
      <table>
        <thead><tr><th>{t("admin.province")}</th><th class="number">{t("admin.objective")}</th><th>{t("admin.rings")}</th><th>{t("admin.hours")}</th></tr></thead>
        <tbody>
          {shown.map(([code, { objective, rings, hours, overflow }]) => (
            <tr key={code} data-testid={`route-${code}`}>
              <th scope="row">{provinceNames(code)[0]} <small>{provinceNames(code)[1]}</small></th>
              <td class="number" data-field="objective">{objectivePercent(objective)}</td>
              <td data-field="rings"><Rings plan={plan} rings={rings} /></td>
              <td data-field="hours">
                {hours || t("admin.always")}
                {Object.entries({ ...plan.overflow, ...overflow }).map(([when, { do: what }]) => (
                  <small key={when}> · {tCode("occasion.", when)} → {tCode("overflow.", what)}</small>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Rings({ plan, rings }: { plan: Plan; rings: Ring[] }) {
  return (
    <ol class="rings">
      {rings.map(({ pool, after }) => (
        <li key={pool}>
          <b>{poolName(plan, pool)}</b>
          <small>{after > 0 ? t("admin.after", { seconds: after }) : t("admin.at_once")}</small>
        </li>
      ))}
    </ol>
  );
}

function Pools({ plan }: { plan: Plan }) {
  return (
    <section class="card sheet">
      <header><h2>{t("admin.floors")}</h2></header>
      <table>
        <thead><tr><th>{t("admin.pool")}</th><th>{t("admin.home")}</th><th class="number">{t("admin.floor")}</th></tr></thead>
        <tbody>
          {Object.entries(plan.pools).map(([id, pool]) => (
            <tr key={id} data-testid={`pool-${id}`}>
              <th scope="row">{pool[lang.value] || id}</th>
              <td>{pool.home ? provinceName(pool.home) : "–"}</td>
              <td class={pool.floor > 0 ? "number" : "number muted"}>{pool.floor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Versions() {
  const live = routing.value!;
  return (
    <section class="card sheet">
      <header><h2>{t("admin.versions")}</h2></header>
      <table>
        <thead>
          <tr><th class="number">#</th><th>{t("admin.at")}</th><th>{t("admin.actor")}</th><th>{t("admin.comment")}</th></tr>
        </thead>
        <tbody>
          {live.versions.map((version) => (
            <tr key={version.version} class={version.version === live.version ? "live" : ""} data-testid={`version-${version.version}`}>
              <td class="number">{version.version}</td>
              <td>{dateTime(version.at)}</td>
              <td>{version.actor}</td>
              <td class="wide">{version.comment}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {live.versions.length === 0 && <p class="muted empty">{t("admin.none")}</p>}
    </section>
  );
}
