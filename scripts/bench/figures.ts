import { medianOf } from '../../src/median.js';

/** One measured figure and the target that it is judged by. */
export interface Figure {
  benchmark: string;
  name: string;
  /** `×`: how many times the comparison's; `MB`; `s`. */
  unit: '×' | 'MB' | 's';
  /** What is judged: of ratios the median of our times over the median of theirs, else the median. */
  value: number;
  /** The lowest and the highest of single rounds. */
  min: number;
  max: number;
  /** `value` must not be above this; absent for what is measured only to be known. */
  target?: number;
  /** What was compared, in absolute numbers of this machine. */
  detail: string;
}

export function meetsTarget(figure: Figure): boolean {
  return figure.target === undefined || figure.value <= figure.target;
}

/** The work whose time is measured. */
export type Measured = () => Promise<void>;

export interface Comparison {
  /** Milliseconds, one per round. */
  ours: readonly number[];
  theirs: readonly number[];
}

/**
 * Runs both sides in turn, so that whatever else the machine does meets both alike: first `warmups` rounds that do not count,
 * then `rounds` that do. Each side is the first one in every other round: what one leaves behind (files to write, memory to
 * collect) the next one pays for. The time of `beforeRound` counts for nobody.
 */
export async function sideBySide(
  sides: { ours: Measured; theirs: Measured },
  rounds: number,
  { warmups = 1, beforeRound = async () => {} }: { warmups?: number; beforeRound?: () => Promise<void> } = {},
): Promise<Comparison> {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = -warmups; round < rounds; round += 1) {
    await beforeRound();
    for (const side of round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
      const started = performance.now();
      await sides[side]();
      if (round >= 0) times[side].push(performance.now() - started);
    }
  }
  return times;
}

/** How many times theirs our time is: of the medians of both sides, and round by round for the spread. */
export function ratioFigure(comparison: Comparison, figure: Pick<Figure, 'benchmark' | 'name' | 'target'> & { ours: string; theirs: string }): Figure {
  const { ours, theirs, ...named } = figure;
  const [our, their] = [medianOf(comparison.ours), medianOf(comparison.theirs)];
  const ratios = comparison.ours.map((ms, round) => ms / comparison.theirs[round]!);
  return { ...named, unit: '×', value: our / their, min: Math.min(...ratios), max: Math.max(...ratios), detail: `${ours} ${seconds(our)}, ${theirs} ${seconds(their)}` };
}

/** Of values that are compared with nothing but their target. */
export function plainFigure(values: readonly number[], figure: Pick<Figure, 'benchmark' | 'name' | 'unit' | 'target' | 'detail'>): Figure {
  return { ...figure, value: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 1000 ? 3 : 2)} s`;
}

/** `1,000,000` */
export function count(number: number): string {
  return number.toLocaleString('en');
}
