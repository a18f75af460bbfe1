/** `0.4 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min` */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `2026-01-31 01:00:00Z`, from ISO 8601. */
export function formatTime(time: string | undefined): string {
  return time === undefined ? '' : `${time.slice(0, 19).replace('T', ' ')}Z`;
}

/** Text of others as one line that cannot move the cursor or colour what follows. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}
