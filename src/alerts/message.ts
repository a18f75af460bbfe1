import type { Alert, AlertedRun, AlertEvent } from './alert.js';
import { causeOf } from './causes.js';
import { commandsFor, type Command } from './commands.js';
import { eventFacts, type Fact } from './facts.js';
import { oneLine } from './one-line.js';
import { gravestOf, type AlertSeverity } from './routing.js';

const TITLE_LENGTH = 180;
const VALUE_LENGTH = 2_300;
/** What a message says of single events; the rest is counted. */
const MOST_FACTS = 30;

/** What every channel says of an alert; all texts are one line each. */
export interface Message {
  severity: AlertSeverity;
  /** `ecommerce-daily 2010-12-01 failed at extract.extractSales` */
  title: string;
  /** For somebody who did not write the pipeline. */
  cause: string;
  facts: readonly Fact[];
  link?: string;
  /** What to type next, as a shell takes it. */
  commands: readonly Command[];
}

export function composeMessage({ run, events }: Alert): Message {
  const live = withoutEndedHolds(events);
  const headline = HEADLINES.map((kind) => live.find((event) => event.kind === kind)).find((event) => event !== undefined) ?? live[0]!;
  const title = `${[run.pipeline, run.interval?.label].filter(Boolean).join(' ')} ${headlineOf(headline, live)}`;
  return {
    severity: gravestOf(live),
    title: oneLine(title, TITLE_LENGTH),
    cause: oneLine(explain(headline), VALUE_LENGTH),
    facts: allFacts(run, live),
    ...(run.webUiUrl === undefined ? {} : { link: run.webUiUrl }),
    commands: commandsFor(run, live),
  };
}

/** The gravest first. */
const HEADLINES: readonly AlertEvent['kind'][] = ['failed', 'stuck', 'unhealthy', 'held', 'approval-wanted', 'deadline-missed', 'lagging', 'check-warning', 'well-again', 'recovered', 'ended'];

/** Holds that were over before anybody could be told of them are told by their end alone. */
function withoutEndedHolds(events: readonly AlertEvent[]): readonly AlertEvent[] {
  const recovered = events.findLastIndex(({ kind }) => kind === 'recovered');
  return events.filter(({ kind }, index) => kind !== 'held' || index > recovered);
}

/** Behind the pipeline's name. */
function headlineOf(event: AlertEvent, all: readonly AlertEvent[]): string {
  switch (event.kind) {
    case 'failed':
      return `failed${event.step === undefined ? '' : ` at ${event.step}`}${event.afterHold === true ? ' after it was held' : ''}`;
    case 'stuck':
      return 'is stuck';
    case 'unhealthy':
      return `is not healthy: ${summaryOf(event.problems)}`;
    case 'well-again':
      return event.open === 0 ? 'is well again' : `is better: over is ${summaryOf(event.problems)}`;
    case 'held': {
      const others = new Set(all.flatMap((other) => (other.kind === 'held' && other.step !== event.step ? [other.step] : []))).size;
      return `is held at ${event.step}${others === 0 ? '' : ` and ${others} more step${others === 1 ? '' : 's'}`}`;
    }
    case 'approval-wanted':
      return `waits for the approval ${event.name}`;
    case 'deadline-missed':
      return `is late: ${event.what === 'run' ? 'it' : event.what} has missed its deadline`;
    case 'lagging':
      return `lags: ${event.waiting} messages of ${event.topic} wait`;
    case 'check-warning':
      return `has ${event.checks.length} warning${event.checks.length === 1 ? '' : 's'} in ${event.step}`;
    case 'recovered':
      return 'goes on after a hold';
    default:
      return `has ${event.outcome === 'completed' ? 'completed' : 'been cancelled'}`;
  }
}

function explain(event: AlertEvent): string {
  switch (event.kind) {
    case 'failed':
      return causeOf(event.errorCode);
    case 'stuck':
      return 'Its code fails before it can decide anything, so Temporal tries the same again and again. It goes on by itself when the code is repaired and the worker restarted.';
    case 'held':
      return `${causeOf(event.errorCode)} The run waits for somebody until ${event.until}; other branches go on.`;
    case 'unhealthy':
      return 'Monitoring has seen what no run can tell itself. It is told once, and again when it is over.';
    case 'well-again':
      return event.open === 0 ? 'What monitoring had told of is over.' : `Some of what monitoring had told of is over; ${event.open} ${event.open === 1 ? 'problem is' : 'problems are'} still there.`;
    case 'approval-wanted':
      return `The run waits for somebody's decision${event.until === undefined ? '' : ` until ${event.until}`}: ${event.message}`;
    case 'deadline-missed':
      return `It should have ended by ${event.due}. The run goes on.`;
    case 'lagging':
      return `${event.what} began at ${event.since} and has not ended: a step is held, retried or slow. Messages stay in the topic as long as its retention says.`;
    case 'check-warning':
      return 'The data did not pass a quality check of severity WARN. The run goes on.';
    case 'recovered':
      return 'Every step that was held goes on or has been given a result.';
    default:
      return 'The run needs nobody any more.';
  }
}

/** The only problem as it is, or how many there are. */
function summaryOf(problems: readonly { message: string }[]): string {
  return problems.length === 1 ? problems[0]!.message : `${problems.length} problems`;
}

function inWords({ label, start, end }: NonNullable<AlertedRun['interval']>): string {
  return start === undefined || end === undefined ? label : `${label} (${start} to ${end})`;
}

function allFacts(run: AlertedRun, events: readonly AlertEvent[]): Fact[] {
  const { interval } = run;
  const told = events.flatMap(eventFacts);
  const left = told.length - MOST_FACTS;
  const facts: readonly Fact[] = [
    ['Pipeline', run.pipeline],
    ...(interval === undefined ? [] : [['Interval', inWords(interval)] as const]),
    ...told.slice(0, MOST_FACTS),
    ...(left > 0 ? [['And', `${left} lines more: see the status of the run`] as const] : []),
    ['Started', run.startedAt],
    ['Run', `${run.workflowId} (${run.runId})`],
    ['Owner', run.owner],
  ];
  return facts.map(([name, value]) => [name, oneLine(value, VALUE_LENGTH)]);
}
