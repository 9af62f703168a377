// Chinese first, English by a switch that the browser remembers. Keys are typed: a missing translation fails tsc.
import { computed, effect, signal } from "@preact/signals";
import { en } from "./en";
import { provinceNames } from "./provinces";
import type { Choice } from "./types";
import { zh } from "./zh";

export type Lang = "zh" | "en";
export type Key = keyof typeof zh;

const STORE = "seats.lang";

export const lang = signal<Lang>(localStorage.getItem(STORE) === "en" ? "en" : "zh");
const words = computed<Record<Key, string>>(() => (lang.value === "zh" ? zh : en));

effect(() => {
  localStorage.setItem(STORE, lang.value);
  document.documentElement.lang = lang.value === "zh" ? "zh-CN" : "en";
});

export function toggleLang(): void {
  lang.value = lang.value === "zh" ? "en" : "zh";
}

/** The words for a key; `{name}` in them is replaced by `values.name`. */
export function t(key: Key, values?: Record<string, string | number>): string {
  const text = words.value[key];
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;
}

/** The words for `prefix + code` where the code comes from the server; the code itself when we have no words. */
export function tCode(prefix: string, code: string): string {
  const key = prefix + code;
  return Object.hasOwn(zh, key) ? t(key as Key) : code;
}

/** Name of a reason or disposition in the reader's language. */
export function choiceName(list: readonly Choice[], code: string): string {
  const found = list.find((choice) => choice.code === code);
  return found ? found[lang.value] : code;
}

/** A province in the reader's language. */
export function provinceName(code: string): string {
  const [chinese, english] = provinceNames(code);
  return lang.value === "zh" ? chinese : english || chinese;
}
