import "./dom.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { toggleLang } from "../src/common/i18n";
import { recallText } from "../src/desk/recall";

const agent = (more) => ({ province: "hubei", chosen: "not_ready", recall: { province: "hubei", at: 1000 }, ...more });

test("an agent on a break is told that the own province calls", () => {
  assert.equal(recallText(agent(), 1005), "您的省份需要您：湖北的来电即将失守目标，请结束小休");
  toggleLang();
  assert.match(recallText(agent(), 1005), /^Your province needs you: Hubei/);
  toggleLang();
});

test("or another one, by its name", () => {
  const text = recallText(agent({ recall: { province: "gansu", at: 1000 } }), 1005);
  assert.match(text, /^甘肃需要您：/);
});

test("nothing once the agent has chosen, was not asked, or it is long ago", () => {
  assert.equal(recallText(agent({ chosen: "ready" }), 1005), null);
  assert.equal(recallText(agent({ recall: null }), 1005), null);
  assert.notEqual(recallText(agent(), 1299), null);
  assert.equal(recallText(agent(), 1301), null);
});
