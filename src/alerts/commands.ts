import type { AlertedRun, AlertEvent } from './alert.js';
import type { ErrorCode } from '../errors.js';
import { oneLine } from './one-line.js';

export type Command = readonly [command: string, purpose: string];

/** Of steps that are held, so many get commands of their own. */
const MOST_STEPS = 3;
const WORD_LENGTH = 300;

/** What to type next, each command once. */
export function commandsFor(run: AlertedRun, events: readonly AlertEvent[]): Command[] {
  const commands = new Map<string, string>();
  const held = events.filter(({ kind }) => kind === 'held');
  for (const event of events) {
    if (event.kind === 'held' && held.indexOf(event) >= MOST_STEPS) continue;
    for (const [command, purpose] of commandsOf(run, event)) if (!commands.has(command)) commands.set(command, purpose);
  }
  return [...commands];
}

function commandsOf(run: AlertedRun, event: AlertEvent): Command[] {
  const { workflowId, pipeline, interval, continuous = false } = run;
  const status = typed(['status', workflowId], 'every step of this run');
  switch (event.kind) {
    case 'failed': {
      if (event.errorCode === ('BACKFILL_INCOMPLETE' satisfies ErrorCode)) return [typed(['backfill', 'watch', workflowId], 'every interval that failed'), status];
      const step = event.step === undefined ? [] : [event.step];
      return [
        status,
        typed(['logs', workflowId, ...step], 'what the step logged'),
        typed(['connections', 'check'], 'whether sources, warehouse and stores can be reached'),
        ...(event.step === undefined || continuous ? [] : [typed(['rerun', workflowId], 'once the cause is gone: a new run that reuses the steps that have finished')]),
        typed(['run', pipeline, ...intervalArguments(interval)], continuous ? 'once the cause is gone: it goes on where it was' : 'or everything again'),
      ];
    }
    case 'held':
      return [
        typed(['logs', workflowId, event.step], 'what the step logged'),
        typed(['retry', workflowId, event.step], 'once the cause is gone: the step runs again, and the run goes on'),
        typed(['skip', workflowId, event.step, '--why', 'REASON'], 'go on without it; --result JSON gives its result by hand'),
        typed(['fail', workflowId, event.step], 'give it up'),
      ];
    case 'approval-wanted':
      return [status, typed(['approve', workflowId, event.name], 'the run goes on'), typed(['reject', workflowId, event.name, '--why', 'REASON'], 'the run does without, or fails')];
    case 'deadline-missed':
    case 'lagging':
      return [status, typed(['watch', workflowId], 'see it go on')];
    case 'check-warning':
      return [status, typed(['logs', workflowId, event.step], 'every check that was made')];
    case 'unhealthy':
      return [typed(['doctor'], 'schedules, workers and connections as they are now'), typed(['runs', pipeline], 'its last runs')];
    case 'well-again':
      return [typed(['runs', pipeline], 'its last runs')];
    case 'stuck':
      return [status, typed(['doctor'], 'whether workers and workflows are sound')];
    default:
      return [status];
  }
}

function typed(words: readonly string[], purpose: string): Command {
  return [`millrace ${words.map(shellWord).join(' ')}`, purpose];
}

function intervalArguments(interval: AlertedRun['interval']): string[] {
  if (!interval) return [];
  // A label that is no date stands for an interval other than a day.
  const { label, start, end } = interval;
  if (/^\d{4}-\d{2}-\d{2}$/.test(label)) return ['--date', label];
  return start === undefined || end === undefined ? [] : ['--start', start, '--end', end];
}

/** As a shell takes it: `train[resnet]` would be a pattern. */
function shellWord(word: string): string {
  const flat = oneLine(word, WORD_LENGTH);
  return /^[\w@%+=:,./-]+$/.test(flat) ? flat : `'${flat.replaceAll("'", `'\\''`)}'`;
}
