// The little of a browser that the modules under test touch.
export class FakeSocket {
  static OPEN = 1;
  static all = [];
  readyState = FakeSocket.OPEN;
  sent = [];
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  static get last() {
    return FakeSocket.all.at(-1);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  hear(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  lose(code) {
    this.onclose({ code });
  }
}

const kept = new Map();
Object.assign(globalThis, {
  WebSocket: FakeSocket,
  window: globalThis,
  location: { protocol: "https:", host: "desk.example" },
  localStorage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) },
  document: { documentElement: {} },
});
