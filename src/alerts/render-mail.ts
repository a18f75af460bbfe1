import type { Alert } from './alert.js';
import { composeMessage, type Message } from './message.js';

/** A mail as a server takes it. */
export interface RenderedMail {
  /** One line. */
  subject: string;
  text: string;
  html: string;
}

/** An alert as a subject, plain text and HTML; no part loads anything from elsewhere. */
export function renderMail(alert: Alert): RenderedMail {
  const message = composeMessage(alert);
  return { subject: `[millrace] ${message.title}`, text: asText(message), html: asHtml(message) };
}

/** With its angle brackets; the same for every attempt, so that a mail that was sent twice is recognised as one. */
export function mailId(name: string): string {
  return `<${name.replaceAll(/[^A-Za-z0-9.-]/g, '_')}@millrace>`;
}

function asText({ title, cause, facts, link, commands }: Message): string {
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  return [
    title,
    '',
    cause,
    '',
    ...facts.map(([name, value]) => `${(name === '' ? '' : `${name}:`).padEnd(width)}${value}`),
    ...(link === undefined ? [] : ['', `The run in the Web UI: ${link}`]),
    '',
    'What helps:',
    ...commands.map(([command, purpose]) => `  ${command}\n      ${purpose}`),
    '',
  ].join('\n');
}

/** Tables and inline styles only: this is what every mail client shows. */
function asHtml({ title, cause, facts, link, commands }: Message): string {
  const cell = (style: string, content: string): string => `<td style="vertical-align:top;${style}">${content}</td>`;
  const row = (name: string, value: string): string =>
    `<tr>${cell('padding:2px 16px 2px 0;color:#666;white-space:nowrap', name)}${cell('padding:2px 0', value)}</tr>`;
  const table = (body: readonly string[]): string => `<table style="border-collapse:collapse;font-size:14px">\n${body.join('\n')}\n</table>`;
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><body style="font-family:sans-serif;font-size:14px;color:#222">',
    `<h2 style="font-size:18px;margin:0 0 8px">${escapeHtml(title)}</h2>`,
    `<p style="margin:0 0 16px">${escapeHtml(cause)}</p>`,
    table(facts.map(([name, value]) => row(escapeHtml(name), escapeHtml(value)))),
    ...(link === undefined ? [] : [`<p style="margin:16px 0"><a href="${escapeHtml(link)}">Open the run in the Web UI</a></p>`]),
    '<p style="margin:16px 0 4px">What helps:</p>',
    table(commands.map(([command, purpose]) => row(`<code style="color:#222">${escapeHtml(command)}</code>`, escapeHtml(purpose)))),
    '</body></html>',
    '',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
