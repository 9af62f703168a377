import "./dom.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWhy, whyText } from "../src/board/why";
import { toggleLang } from "../src/common/i18n";

const said = "ring 1 hubei; idle 12.3 s, longest of 4; waited 3.2 s";

test("the engine's sentence is taken apart", () => {
  assert.deepEqual(parseWhy(said), { ring: 1, pool: "hubei", idle: "12.3", among: 4, waited: "3.2" });
});

test("and told in the reader's language", () => {
  assert.equal(whyText(said), "第 1 环「湖北」；等待 3.2 秒；此座席员已空闲 12.3 秒，是 4 位空闲者中最久的");
  assert.match(whyText("ring 2 nation; idle 0.5 s, longest of 1; waited 5.0 s"), /是唯一空闲者$/);
  toggleLang();
  assert.equal(whyText(said), "ring 1, Hubei; waited 3.2 s; the agent was idle for 12.3 s, the longest of 4");
  toggleLang();
});

test("another sentence is told as it stands", () => {
  for (const text of ["", "recalled from a break", `${said} more`]) assert.equal(whyText(text), text);
});
