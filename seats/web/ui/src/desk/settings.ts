// What this browser remembers for the agent.
import { effect, signal } from "@preact/signals";

const AUTO = "seats.auto_answer";

export const autoAnswer = signal(localStorage.getItem(AUTO) === "1");
effect(() => localStorage.setItem(AUTO, autoAnswer.value ? "1" : "0"));
