// Names of the pools, from the live routing.
import { signal } from "@preact/signals";
import { get } from "../common/api";
import { lang, provinceName } from "../common/i18n";

type Names = Readonly<Record<string, { zh: string; en: string }>>;

const names = signal<Names>({});

export async function loadPools(): Promise<void> {
  names.value = (await get<{ plan: { pools: Names } }>("/routing")).plan.pools;
}

/** A pool in the reader's language: as the routing names it, else its province, else its code. */
export function poolName(code: string): string {
  const known = Object.hasOwn(names.value, code) ? names.value[code]![lang.value] : "";
  return known || provinceName(code);
}
