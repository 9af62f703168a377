// A clock that browsers do not slow down when the page is hidden.
const TICK_MS = 3000;
setInterval(() => postMessage("tick"), TICK_MS);
