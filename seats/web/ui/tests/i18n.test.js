import "./dom.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../src/common/en";
import { lang, provinceName, t, tCode, toggleLang } from "../src/common/i18n";
import { provinces } from "../src/common/provinces";
import { zh } from "../src/common/zh";

const holes = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test("both languages say the same things with the same values", () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort());
  for (const key of Object.keys(zh)) assert.deepEqual(holes(en[key]), holes(zh[key]), key);
});

test("Chinese first, English by a switch; values are put in as they are", () => {
  assert.equal(lang.value, "zh");
  assert.equal(t("stale.retry", { seconds: 3 }), "3 秒后重连。");
  assert.equal(t("board.more", { n: "{n}" }), "还有 {n} 人");
  toggleLang();
  assert.equal(t("stale.retry", { seconds: 3 }), "Trying again in 3 s.");
  assert.equal(provinceName("hubei"), "Hubei");
  toggleLang();
});

test("a code without words is shown as it is", () => {
  assert.equal(tCode("outcome.", "no_such"), "no_such");
  assert.equal(tCode("", "constructor"), "constructor");
  assert.equal(provinceName("toString"), "toString");
});

test("34 provinces and unknown", () => {
  assert.equal(Object.keys(provinces).length, 35);
});
