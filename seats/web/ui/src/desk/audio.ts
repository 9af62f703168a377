// Sound and microphone: one audio context, one microphone track kept from sign-in on, a ring tone of our own.
import { signal } from "@preact/signals";

export type MicState = "asking" | "live" | "muted" | "refused" | "missing" | "lost" | "insecure";

export const micState = signal<MicState>("asking");
export const audioRunning = signal(false);
export const outputPresent = signal(true);
/** Loudness of the microphone, 0–1, so that an agent sees it works. */
export const micLevel = signal(0);

const context = new AudioContext({ latencyHint: "interactive" });
const speaker = new Audio();
speaker.autoplay = true;
let stream: MediaStream | null = null;
let meter: AnalyserNode | null = null;
let ringTimer = 0;

context.onstatechange = () => (audioRunning.value = context.state === "running");
audioRunning.value = context.state === "running";
for (const gesture of ["pointerdown", "keydown"]) window.addEventListener(gesture, () => void wakeAudio(), true);

/** Browsers start sound only after the person has touched the page. */
export async function wakeAudio(): Promise<void> {
  if (context.state !== "running") await context.resume().catch(() => undefined);
  audioRunning.value = context.state === "running";
  if (speaker.srcObject && speaker.paused) await speaker.play().catch(() => undefined);
}

/** Open the microphone and keep it; says in `micState` why it could not. */
export async function openMic(): Promise<void> {
  if (!navigator.mediaDevices) {
    micState.value = "insecure";
    return;
  }
  if (stream?.getAudioTracks()[0]?.readyState === "live") return;
  micState.value = "asking";
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      video: false,
    });
    follow(stream.getAudioTracks()[0]!);
  } catch (error) {
    micState.value = error instanceof DOMException && error.name === "NotAllowedError" ? "refused" : "missing";
  }
  await findOutput();
}

export function closeMic(): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
}

/** A stream for one call. The track is cloned, so that a call can never stop or leave muted the one we keep. */
export function micForCall(): MediaStream | null {
  const track = stream?.getAudioTracks()[0];
  return track && track.readyState === "live" ? new MediaStream([track.clone()]) : null;
}

function follow(track: MediaStreamTrack): void {
  const look = () =>
    (micState.value = track.readyState !== "live" ? "lost" : track.muted ? "muted" : "live");
  track.onended = track.onmute = track.onunmute = look;
  look();
  meter = context.createAnalyser();
  meter.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(meter);
}

async function findOutput(): Promise<void> {
  if (!navigator.mediaDevices) return;
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  // Browsers that cannot choose an output do not list any: there the system's own is used.
  const listed = "setSinkId" in HTMLMediaElement.prototype;
  outputPresent.value = !listed || devices.some((device) => device.kind === "audiooutput");
}

navigator.mediaDevices?.addEventListener("devicechange", () => {
  void findOutput();
  if (micState.value === "lost" || micState.value === "missing") void openMic();
});

const samples = new Float32Array(512);
setInterval(() => {
  if (!meter || micState.value !== "live") return void (micLevel.value = 0);
  meter.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
  micLevel.value = Math.min(1, Math.sqrt(power) * 6);
}, 200);

/** Play the caller. */
export function playRemote(remote: MediaStream | null): void {
  speaker.srcObject = remote;
  if (remote) void speaker.play().catch(() => (audioRunning.value = false));
}

/** Two soft notes, twice, every three seconds, until `stopRing`. */
export function startRing(): void {
  if (ringTimer) return;
  const phrase = () => [0, 0.18, 0.55, 0.73].forEach((at, n) => note(n % 2 ? 988 : 784, at));
  phrase();
  ringTimer = window.setInterval(phrase, 3000);
}

export function stopRing(): void {
  clearInterval(ringTimer);
  ringTimer = 0;
}

/** A short note that says "connected" to an agent whose calls are answered automatically. */
export const beep = (): void => note(1175, 0);

function note(frequency: number, after: number): void {
  if (context.state !== "running") return;
  const start = context.currentTime + after;
  const tone = new OscillatorNode(context, { type: "triangle", frequency });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.linearRampToValueAtTime(0.25, start + 0.015);
  volume.gain.setValueAtTime(0.25, start + 0.08);
  volume.gain.exponentialRampToValueAtTime(0.001, start + 0.32);
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(start + 0.34);
}
