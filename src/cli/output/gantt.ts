import type { StepView } from '../../runs/run-view.js';

/** What a bar is drawn on: milliseconds since the epoch, and cells of the terminal. */
export interface TimeScale {
  from: number;
  to: number;
  width: number;
}

/** A stretch of time in milliseconds since the epoch. */
export interface Stretch {
  from: number;
  to: number;
}

/**
 * One line of a Gantt chart: full where the last attempt ran, shaded where the step waited, for a worker, another attempt or an
 * operator. Half cells are drawn; what has run at all is at least one of them.
 */
export function ganttBar({ busy, idle }: { busy?: Stretch | undefined; idle?: Stretch | undefined }, { from, to, width }: TimeScale): string {
  const halves = (time: number): number => (Math.min(Math.max(time - from, 0), to - from) / Math.max(to - from, 1)) * width * 2;
  const first = busy === undefined ? Infinity : Math.min(Math.floor(halves(busy.from)), width * 2 - 1);
  const last = busy === undefined ? -Infinity : Math.max(first + 1, Math.ceil(halves(busy.to)));
  const isBusy = (half: number): boolean => half >= first && half < last;
  const isIdle = (half: number): boolean => idle !== undefined && half >= Math.floor(halves(idle.from)) && half + 2 <= Math.ceil(halves(idle.to));
  const cells = Array.from({ length: width }, (_, cell) => {
    const [left, right] = [isBusy(cell * 2), isBusy(cell * 2 + 1)];
    if (left && right) return '█';
    if (left || right) return left ? '▌' : '▐';
    return isIdle(cell * 2) ? '░' : ' ';
  });
  return cells.join('').trimEnd();
}

const OPEN: readonly StepView['state'][] = ['waiting', 'running', 'retrying', 'held'];

export function isOpen({ state }: Pick<StepView, 'state'>): boolean {
  return OPEN.includes(state);
}

/** When a step ran and when it waited, up to `now` where it is not over. */
export function stretchesOf(step: StepView, now: number): { busy?: Stretch; idle?: Stretch } {
  const { scheduledAt, startedAt, endedAt, durationMs } = step;
  const end = isOpen(step) || endedAt === undefined ? now : Date.parse(endedAt);
  const began = startedAt === undefined || durationMs === undefined ? undefined : Date.parse(startedAt);
  return {
    idle: { from: Date.parse(scheduledAt), to: end },
    ...(began === undefined ? {} : { busy: { from: began, to: began + durationMs! } }),
  };
}
