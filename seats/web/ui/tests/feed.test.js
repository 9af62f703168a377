import { FakeSocket } from "./dom.js";
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { checkFeed, feedState, link, me, startFeed, stopFeed, totals, waiting } from "../src/common/feed";
import { session } from "../src/common/session";

const row = (position) => ({ request: "r", position });
let clock = 0;
performance.now = () => clock;

beforeEach(() => {
  stopFeed();
  clock += 100_000;
  FakeSocket.all.length = 0;
  startFeed();
});

const open = (data = {}) => {
  FakeSocket.last.hear({ type: "hello", version: 1, now: 1, user: {} });
  FakeSocket.last.hear({ type: "snapshot", seq: 7, now: 1, data });
};

test("hello alone is not live; the snapshot is", () => {
  FakeSocket.last.hear({ type: "hello", version: 1, now: 1, user: {} });
  assert.notEqual(feedState.value, "live");
  open({ waiting: { a: row(1) }, link: { pbx1: { state: "up", reason: "" } } });
  assert.equal(feedState.value, "live");
  assert.equal(waiting.value.get("a").position, 1);
  assert.equal(link.value.get("pbx1").state, "up");
});

test("deltas replace rows whole, take rows away, and leave the rest", () => {
  open({ waiting: { a: row(1), b: row(2), c: row(3) } });
  FakeSocket.last.hear({ type: "delta", seq: 8, now: 2, set: { waiting: { b: row(1) }, totals: { waiting: 2 } }, del: { waiting: ["a"] } });
  assert.deepEqual([...waiting.value].map(([key, { position }]) => [key, position]), [["b", 1], ["c", 3]]);
  assert.equal(totals.value.waiting, 2);
  FakeSocket.last.hear({ type: "delta", seq: 9, now: 2, set: { me: { id: "a1" } } });
  assert.equal(me.value.id, "a1");
});

test("a gap in the numbers is never passed over", () => {
  open();
  const first = FakeSocket.last;
  first.hear({ type: "delta", seq: 9, now: 2, set: { totals: { waiting: 99 } } });
  assert.equal(feedState.value, "offline");
  assert.notEqual(totals.value?.waiting, 99);
  assert.ok(first.closed);
});

test("five quiet seconds are told, and life returns with the next word", () => {
  open();
  clock += 5001;
  checkFeed();
  assert.equal(feedState.value, "stale");
  assert.deepEqual(FakeSocket.last.sent, [{ type: "ping" }]);
  FakeSocket.last.hear({ type: "pong", now: 8 });
  assert.equal(feedState.value, "live");
});

test("a line that talks is not asked whether it lives", () => {
  open();
  clock += 1999;
  checkFeed();
  assert.deepEqual(FakeSocket.last.sent, []);
  clock += 1;
  checkFeed();
  checkFeed();
  assert.deepEqual(FakeSocket.last.sent, [{ type: "ping" }]);
  FakeSocket.last.hear({ type: "lease", until: 9 });
  clock += 1500;
  checkFeed();
  assert.equal(FakeSocket.last.sent.length, 1);
});

test("a line that stays quiet is given up", () => {
  open();
  clock += 12_001;
  checkFeed();
  assert.equal(feedState.value, "offline");
});

test("a lost line is opened again, and shows nothing old as live", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  open();
  FakeSocket.last.lose(1006);
  assert.equal(feedState.value, "offline");
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
  assert.equal(feedState.value, "offline");
  open();
  assert.equal(feedState.value, "live");
  mock.timers.reset();
});

test("the end of the session leads to the sign-in, not to a reconnect", () => {
  session.value = { user: {}, csrf: "x" };
  open();
  FakeSocket.last.lose(4401);
  assert.equal(session.value, null);
  assert.equal(FakeSocket.all.length, 1);
});
