import type { AlertEvent } from './alert.js';

export type Fact = readonly [name: string, value: string];

/** A message's own lines of an error: a failed check names each rule on a line of its own. */
const MOST_LINES = 10;
const ERROR_LENGTH = 2_000;

/** What there is to know of one event. */
export function eventFacts(event: AlertEvent): Fact[] {
  switch (event.kind) {
    case 'failed':
      return [...(event.step === undefined ? [] : [['Failed step', event.step] as const]), ...errorFacts(event), ['Failed', event.at]];
    case 'stuck':
      return [...errorFacts(event), ['Seen', event.at]];
    case 'held':
      return [['Held step', `${event.step} (until ${event.until})`], ...errorFacts(event)];
    case 'approval-wanted':
      return [['Approval', `${event.name}: ${event.message}`], ['Wanted', event.until === undefined ? event.at : `${event.at} (until ${event.until})`]];
    case 'deadline-missed':
      return [['Deadline', `${event.due} (of ${event.what === 'run' ? 'the run' : event.what})`]];
    case 'lagging':
      return [['Waiting', `${event.waiting} messages of ${event.topic}, behind ${event.what} (since ${event.since})`]];
    case 'check-warning':
      return event.checks.map(({ name, observed, expected }) => ['Warning', `${name}: ${observed}; expected ${expected} (${event.step})`]);
    case 'unhealthy':
      return event.problems.map(({ message }) => ['Problem', message]);
    case 'well-again':
      return event.problems.map(({ message, since }) => ['Over', `${message} (since ${since})`]);
    case 'recovered':
      return event.steps.map(({ step, how, by, why }) => ['Goes on', `${step} (${how} by ${by}${why === undefined ? '' : `: ${why}`})`]);
    default:
      return [['Ended', event.at]];
  }
}

function errorFacts({ errorCode, message }: { errorCode: string; message: string }): Fact[] {
  const [first = '', ...lines] = message.slice(0, ERROR_LENGTH * 2).split('\n');
  const points = lines.filter((line) => line.startsWith('- '));
  // Lines that are no list belong to each other.
  if (points.length === 0) return [['Last error', `${errorCode}: ${shortened(message)}`]];
  return [['Last error', `${errorCode}: ${shortened(first)}`], ...points.slice(0, MOST_LINES).map((point) => ['', shortened(point)] as const)];
}

function shortened(text: string): string {
  return text.length <= ERROR_LENGTH ? text : `${text.slice(0, ERROR_LENGTH - 1)}…`;
}
