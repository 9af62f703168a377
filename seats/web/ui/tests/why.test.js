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

const steered = `${said}; priority -20002, level 3, budget -0.4; passed over: 2 floor, 1 excluded`;

test("priority, steering, budget and those passed over are taken apart", () => {
  const why = parseWhy(steered);
  assert.deepEqual([why.priority, why.level, why.budget], [-20002, 3, "-0.4"]);
  assert.deepEqual(why.skipped, [{ reason: "floor", n: 2 }, { reason: "excluded", n: 1 }]);
  assert.deepEqual(parseWhy(`${said}; passed over: 1 skill`).skipped, [{ reason: "skill", n: 1 }]);
  assert.equal(parseWhy(`${said}; priority 0, level 1, budget 0.8`).skipped, undefined);
});

test("and told in the reader's language too", () => {
  assert.equal(
    whyText(steered),
    `${whyText(said)}；来电人属优先等级；该省调度：预留座席，可再失 -0.4 个；未选：2 个（本省保底座席）、1 个（刚漏接过此来电）`,
  );
  const bands = { "-60000": "通话中断", "-50000": "振铃无人接", "-40000": "等待已到上限", "-9903": "额度将尽", "40": "回拨" };
  for (const [priority, words] of Object.entries(bands)) {
    assert.match(whyText(`${said}; priority ${priority}, level 2, budget 0.6`), new RegExp(words));
  }
  toggleLang();
  assert.match(whyText(steered), /; steering of the province: seats kept, -0\.4 losses left; passed over: 2 \(kept by a floor/);
  toggleLang();
});

test("another sentence is told as it stands", () => {
  for (const text of ["", "recalled from a break", `${said} more`]) assert.equal(whyText(text), text);
});
