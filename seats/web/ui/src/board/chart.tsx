// Waiting and talking over the last quarter of an hour, as this page saw them. What it did not see is a gap.
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { second, serverNow } from "../common/clock";
import { isLive, totals } from "../common/feed";
import { lang, t } from "../common/i18n";

const SPAN_S = 900;
const STEP_S = 2;

type Sample = [at: number, waiting: number | null, talking: number | null];

let history: Sample[] = [];
const drawn = signal(0);

effect(() => {
  const at = second.value;
  if (at - (history.at(-1)?.[0] ?? 0) < STEP_S) return;
  const seen = isLive.peek() ? totals.peek() : null;
  history = [...history.filter(([old]) => old > at - SPAN_S), [at, seen?.waiting ?? null, seen?.talking ?? null]];
  drawn.value = at;
});

const columns = (): uPlot.AlignedData => [
  history.map(([at]) => at), history.map(([, waiting]) => waiting), history.map(([, , talking]) => talking),
];

function options(box: HTMLElement): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
  const line = (name: string, dash?: number[]): uPlot.Series => ({
    stroke: colour(name), width: 2, points: { show: false }, ...(dash ? { dash } : {}),
  });
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: () => [serverNow() - SPAN_S, serverNow()] },
      y: { range: (_, __, high) => [0, Math.max(5, Math.ceil((high || 0) * 1.15))] },
    },
    axes: [
      { ...axis, size: 22, space: 70, values: (_, ticks) => ticks.map(minute) },
      { ...axis, size: 34, space: 26, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
    ],
    series: [{}, line("--ring"), line("--talk", [6, 3])],
  };
}

const minute = (at: number): string =>
  new Date(at * 1000).toLocaleTimeString(lang.peek() === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", hour12: false });

export function Chart() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const holder = box.current!;
    const plot = new uPlot(options(holder), columns(), holder);
    const stop = effect(() => {
      if (drawn.value) plot.setData(columns());
    });
    const watch = new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: holder.clientHeight }));
    watch.observe(holder);
    return () => {
      stop();
      watch.disconnect();
      plot.destroy();
    };
  }, []);
  return (
    <section class="card chart">
      <h2>
        {t("board.trend")}
        <span class="key ring">{t("board.waiting")}</span>
        <span class="key talk">{t("board.talking")}</span>
      </h2>
      <div class="plot" ref={box} />
    </section>
  );
}
