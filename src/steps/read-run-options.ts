import { areRoutes } from '../alerts/routing.js';
import { msToNumber, type Duration } from '../durable/duration.js';
import { badParams } from '../durable/failures.js';
import { RUN_OPTIONS_MEMO, type RunOptions } from './run-options.js';

/** The options of a run with their defaults, checked. */
export interface ReadRunOptions extends Omit<RunOptions, 'holdFor' | 'deadline'> {
  onStepFailure: 'fail' | 'hold';
  holdFor: Duration;
  deadline?: Duration;
}

export type HoldOptions = Pick<ReadRunOptions, 'onStepFailure' | 'holdFor'>;

const DEFAULTS = { onStepFailure: 'fail', holdFor: '24h' } as const;

/** Out of the run's memo. Throws `BAD_PARAMS`, which ends the run: what was not understood must not be ignored. */
export function readRunOptions(memo: Record<string, unknown> | undefined): ReadRunOptions {
  const given: unknown = memo?.[RUN_OPTIONS_MEMO] ?? {};
  if (typeof given !== 'object' || given === null) throw badParams(`memo.${RUN_OPTIONS_MEMO} is not an object of run options`);
  const options: ReadRunOptions = { ...DEFAULTS, ...given };
  if (!['fail', 'hold'].includes(options.onStepFailure)) throw badParams(`memo.${RUN_OPTIONS_MEMO}.onStepFailure is neither "fail" nor "hold"`);
  if (options.alerts !== undefined && !areRoutes(options.alerts)) {
    throw badParams(`memo.${RUN_OPTIONS_MEMO}.alerts is not a list such as [{"channel": "mail", "atLeast": "warning"}]; channels are mail, slack, incident, log; severities info, warning, error`);
  }
  for (const name of ['holdFor', 'deadline'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && !isDuration(value)) throw badParams(`memo.${RUN_OPTIONS_MEMO}.${name} ${JSON.stringify(value)} is not a duration such as "90m" or "12h"`);
  }
  const { priority } = options;
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= 5)) throw badParams(`memo.${RUN_OPTIONS_MEMO}.priority is not a whole number from 1 to 5`);
  return options;
}

/** Whether it is a text that `ms` reads as a duration above zero. */
export function isDuration(value: unknown): value is Duration {
  if (typeof value !== 'string') return false;
  try {
    return msToNumber(value as Duration) > 0;
  } catch {
    return false;
  }
}
