import type { Command } from 'commander';
import type { AlertChannel, AlertRoute, AlertSeverity } from '../alerts/routing.js';
import { isDuration } from '../steps/read-run-options.js';
import type { RunOptions } from '../steps/run-options.js';
import { usageError } from './cli-error.js';

const FAILURES = ['hold', 'fail'] as const satisfies readonly RunOptions['onStepFailure'][];
const CHANNELS = ['mail', 'slack', 'incident', 'log'] as const satisfies readonly AlertChannel[];
const SEVERITIES = ['info', 'warning', 'error'] as const satisfies readonly AlertSeverity[];

/** For every verb that starts runs: how they behave, where it is not what the catalog says. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--on-failure <hold|fail>', 'when a step has failed for good: wait for an operator, or end the run')
    .option('--hold-for <duration>', 'how long a step may be held, such as 12h')
    .option('--deadline <duration>', 'from its start: when it is over, people are told, and the run goes on')
    .option('--priority <1-5>', 'for its tasks and for slots of pools; 1 goes first, 3 is usual')
    .option('--alerts <channel:severity,…>', 'where alerts go, such as mail:warning,slack:error, or none');
}

/** What was asked for on the command line; only what was. */
export function parseRunOptions(typed: Readonly<Record<string, unknown>>): RunOptions {
  const { onFailure, holdFor, deadline, priority, alerts } = typed;
  return {
    ...(onFailure === undefined ? {} : { onStepFailure: oneOf('--on-failure', FAILURES, onFailure as string) }),
    ...(holdFor === undefined ? {} : { holdFor: duration('--hold-for', holdFor) }),
    ...(deadline === undefined ? {} : { deadline: duration('--deadline', deadline) }),
    ...(priority === undefined ? {} : { priority: priorityKey(priority) }),
    ...(alerts === undefined ? {} : { alerts: routes(alerts as string) }),
  };
}

function duration(option: string, value: unknown): string {
  if (!isDuration(value)) throw usageError(`${option} ${String(value)} is not a duration`, `give ${option} 90m, 12h or 2d, for example`);
  return value as string;
}

function priorityKey(value: unknown): number {
  if (!/^[1-5]$/.test(String(value))) throw usageError(`--priority ${String(value)} is not a whole number from 1 to 5`, 'give --priority 1 to go before others');
  return Number(value);
}

function routes(text: string): AlertRoute[] {
  if (text === 'none') return [];
  return text.split(',').map((route) => {
    const [channel, severity, ...more] = route.trim().split(':');
    if (more.length > 0) throw usageError(`--alerts ${route} is not channel:severity`, 'give --alerts mail:warning,slack:error, for example');
    return { channel: oneOf('--alerts', CHANNELS, channel), atLeast: oneOf('--alerts', SEVERITIES, severity) };
  });
}

function oneOf<T extends string>(option: string, known: readonly T[], value: string | undefined): T {
  const found = known.find((candidate) => candidate === value);
  if (found === undefined) throw usageError(`${option} ${value === undefined ? 'lacks a part' : `does not know ${value}`}`, `use one of ${known.join(', ')}`);
  return found;
}
