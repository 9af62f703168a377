// A countdown drawn as a ring that empties.
type DialProps = { left: number; whole: number; label: string };

const RADIUS = 52;
const LENGTH = 2 * Math.PI * RADIUS;

export function Dial({ left, whole, label }: DialProps) {
  const share = whole > 0 ? Math.min(1, Math.max(0, left / whole)) : 0;
  return (
    <div class="dial" role="timer">
      <svg viewBox="0 0 120 120" aria-hidden="true">
        <circle cx="60" cy="60" r={RADIUS} />
        <circle class="left" cx="60" cy="60" r={RADIUS} stroke-dasharray={`${LENGTH}`} stroke-dashoffset={`${LENGTH * (1 - share)}`} />
      </svg>
      <span><b>{Math.max(0, Math.ceil(left))}</b><small>{label}</small></span>
    </div>
  );
}
