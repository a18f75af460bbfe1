import type { RenderedAlert, RunFailedAlert } from './alert.js';
import { causeOf } from './causes.js';
import { oneLine } from './one-line.js';

const SUBJECT_LENGTH = 200;
const ERROR_LENGTH = 2_000;
const FACT_LENGTH = 300;

/** What both parts of the mail say. */
interface Content {
  title: string;
  cause: string;
  facts: readonly (readonly [name: string, value: string])[];
  link?: string;
  commands: readonly (readonly [command: string, purpose: string])[];
}

/** A failed run as a subject, plain text and HTML; no part loads anything from elsewhere. */
export function renderRunFailed(alert: RunFailedAlert): RenderedAlert {
  const where = alert.failedStep === undefined ? '' : ` at ${alert.failedStep}`;
  const title = oneLine(`${[alert.pipeline, alert.interval?.label].filter(Boolean).join(' ')} failed${where}`, SUBJECT_LENGTH);
  const content: Content = {
    title,
    cause: causeOf(alert.errorCode),
    facts: facts(alert),
    ...(alert.webUiUrl === undefined ? {} : { link: alert.webUiUrl }),
    commands: commands(alert),
  };
  return { subject: `[millrace] ${title}`, text: asText(content), html: asHtml(content) };
}

/** The same for every attempt to tell of this run, so that a mail that was sent twice is recognised as one. */
export function runFailedMessageId({ runId }: Pick<RunFailedAlert, 'runId'>): string {
  return `<run-failed.${runId.replaceAll(/[^A-Za-z0-9.-]/g, '_')}@millrace>`;
}

function facts(alert: RunFailedAlert): Content['facts'] {
  const { interval, failedStep, attempts } = alert;
  const all: readonly (readonly [string, string | undefined])[] = [
    ['Pipeline', alert.pipeline],
    ['Interval', interval && `${interval.label} (${interval.start} to ${interval.end})`],
    ['Failed step', failedStep && `${failedStep}${attempts === undefined ? '' : ` (after ${attempts} attempt${attempts === 1 ? '' : 's'})`}`],
    ['Last error', `${alert.errorCode}: ${oneLine(alert.lastError, ERROR_LENGTH)}`],
    ['Started', alert.startedAt],
    ['Failed', alert.failedAt],
    ['Run', `${alert.run} (${alert.runId})`],
    ['Owner', alert.owner],
  ];
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, oneLine(value, ERROR_LENGTH + FACT_LENGTH)] as const]));
}

function commands({ run, failedStep, pipeline, interval }: RunFailedAlert): Content['commands'] {
  return [
    [`millrace status ${shellWord(run)}`, 'every step of this run'],
    [`millrace logs ${[run, ...(failedStep === undefined ? [] : [failedStep])].map(shellWord).join(' ')}`, 'what the step logged'],
    ['millrace connections check', 'whether sources, warehouse and stores can be reached'],
    [`millrace run ${[pipeline, ...intervalArguments(interval)].map(shellWord).join(' ')}`, 'run it again once the cause is gone'],
  ];
}

function intervalArguments(interval: RunFailedAlert['interval']): string[] {
  if (!interval) return [];
  // A label that is no date stands for an interval other than a day.
  return /^\d{4}-\d{2}-\d{2}$/.test(interval.label) ? ['--date', interval.label] : ['--start', interval.start, '--end', interval.end];
}

/** As a shell takes it: `train[resnet]` would be a pattern. */
function shellWord(word: string): string {
  const flat = oneLine(word, FACT_LENGTH);
  return /^[\w@%+=:,./-]+$/.test(flat) ? flat : `'${flat.replaceAll("'", `'\\''`)}'`;
}

function asText({ title, cause, facts: rows, link, commands: lines }: Content): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return [
    title,
    '',
    cause,
    '',
    ...rows.map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`),
    ...(link === undefined ? [] : ['', `The run in the Web UI: ${link}`]),
    '',
    'What helps:',
    ...lines.map(([command, purpose]) => `  ${command}\n      ${purpose}`),
    '',
  ].join('\n');
}

/** Tables and inline styles only: this is what every mail client shows. */
function asHtml({ title, cause, facts: rows, link, commands: lines }: Content): string {
  const cell = (style: string, content: string): string => `<td style="vertical-align:top;${style}">${content}</td>`;
  const row = (name: string, value: string): string =>
    `<tr>${cell('padding:2px 16px 2px 0;color:#666;white-space:nowrap', name)}${cell('padding:2px 0', value)}</tr>`;
  const table = (body: readonly string[]): string => `<table style="border-collapse:collapse;font-size:14px">\n${body.join('\n')}\n</table>`;
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><body style="font-family:sans-serif;font-size:14px;color:#222">',
    `<h2 style="font-size:18px;margin:0 0 8px">${escapeHtml(title)}</h2>`,
    `<p style="margin:0 0 16px">${escapeHtml(cause)}</p>`,
    table(rows.map(([name, value]) => row(escapeHtml(name), escapeHtml(value)))),
    ...(link === undefined ? [] : [`<p style="margin:16px 0"><a href="${escapeHtml(link)}">Open the run in the Web UI</a></p>`]),
    '<p style="margin:16px 0 4px">What helps:</p>',
    table(lines.map(([command, purpose]) => row(`<code style="color:#222">${escapeHtml(command)}</code>`, escapeHtml(purpose)))),
    '</body></html>',
    '',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
