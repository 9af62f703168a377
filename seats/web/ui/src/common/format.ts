// Figures as people read them. What is not known is "–", never 0.
import { lang } from "./i18n";

export const NONE = "–";

/** Seconds as m:ss or h:mm:ss. */
export function clockSpan(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const [h, m, r] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60), s % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(r)}` : `${m}:${pad(r)}`;
}

/** A time of day, hh:mm:ss, of Unix seconds. */
export const clockTime = (at: number): string =>
  new Date(at * 1000).toLocaleTimeString(lang.value === "zh" ? "zh-CN" : "en-GB", { hour12: false });

export const dateTime = (at: number): string =>
  new Date(at * 1000).toLocaleString(lang.value === "zh" ? "zh-CN" : "en-GB", { hour12: false });

/** A rate as per cent, cut (not rounded) so that 99.96 % never reads 100 %. */
export function percent(rate: number | null, digits = 1): string {
  if (rate === null || !Number.isFinite(rate)) return NONE;
  if (rate === 1) return "100%";
  const scale = 10 ** digits;
  return `${(Math.floor(rate * 100 * scale + 1e-9) / scale).toFixed(digits)}%`;
}

/** An objective as per cent with no more digits than it has: 0.99 → 99%, 0.995 → 99.5%. */
export const objectivePercent = (value: number): string => `${Number((value * 100).toFixed(2))}%`;

const pad = (n: number): string => String(n).padStart(2, "0");
