import "./dom.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { steeringWords } from "../src/board/steering";
import { toggleLang } from "../src/common/i18n";

const steering = (level, more = {}) => ({ level, credit: 0.25, feasible: true, missing: 0, cause: "", ...more });

test("each level has a word, and says in its hint what is done and what is left", () => {
  const words = [0, 1, 2, 3, 4, 5].map((level) => steeringWords(steering(level)));
  assert.deepEqual(words.map(({ text }) => text), ["正常", "提前开圈", "优先", "预留座席", "预留座席", "召回小休"]);
  assert.deepEqual(words.map(({ tone }) => tone), ["zero", "up", "up", "up", "up", "up"]);
  for (const { hint } of words) assert.match(hint, /还可承受 0\.3 个损失/);
});

test("an objective out of reach says what is lacking", () => {
  const lost = (cause) => steeringWords(steering(0, { feasible: false, missing: 4, cause }));
  assert.deepEqual([lost("agents").tone, lost("agents").text], ["lost", "缺 4 名座席"]);
  assert.match(lost("agents").hint, /^目标无法达到：缺 4 名座席/);
  assert.equal(lost("skills").text, "技能覆盖不足");
  assert.match(lost("skills").hint, /^目标无法达到：技能覆盖不足/);
  toggleLang();
  assert.equal(lost("agents").text, "4 agents missing");
  toggleLang();
});
