// The desk by keyboard. Keys act on what is on the screen now, never while somebody types.
import { session } from "../common/session";
import { answer, leg, toggleMute } from "./phone";
import { choices, choose, finishWrapUp, hangup, mode, setDisposition } from "./state";

export function listenKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (!session.value || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select")) return;
    const onButton = target.closest("button") !== null;
    if (press(event.key, onButton)) event.preventDefault();
  });
}

function press(key: string, onButton: boolean): boolean {
  const confirm = key === "Enter" || key === " ";
  if (mode.value === "offer" && confirm && !onButton) return done(answer);
  if (mode.value === "talk") {
    if (key === "m" || key === "M") return done(toggleMute);
    if (key === "End") return done(() => void hangup());
  }
  if (mode.value === "talk" || mode.value === "wrap_up") {
    const chosen = choices.value.dispositions[Number(key) - 1];
    if (/^[1-9]$/.test(key) && chosen) return done(() => void setDisposition(chosen.code));
  }
  if (mode.value === "wrap_up" && key === "Enter" && !onButton) return done(() => void finishWrapUp());
  if (mode.value === "idle" && (key === "r" || key === "R") && !leg.value) return done(() => void choose("ready"));
  return false;
}

function done(action: () => void): boolean {
  action();
  return true;
}
