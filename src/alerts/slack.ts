import type { Alert, AlertSink } from './alert.js';
import { oneLine } from './one-line.js';
import { composeMessage, type Message } from './message.js';
import { post, postJson, refusal, type PostTarget } from './post-json.js';
import type { AlertSeverity } from './routing.js';

export interface SlackOptions extends Pick<PostTarget, 'redact' | 'timeoutMs'> {
  /** Of an incoming webhook; secret as a whole. */
  url: string;
}

/** What Slack takes: https://docs.slack.dev/reference/block-kit/blocks */
/** Characters; some count twice. */
const HEADER_LENGTH = 140;
const SECTION_LENGTH = 3_000;

const SIGNS: Readonly<Record<AlertSeverity, string>> = { error: '🔴', warning: '🟠', info: '🟢' };

/** What Slack answers to a message without text: its webhook is sound, and nobody has read anything. */
const TAKES_MESSAGES = /no_text|invalid_payload/;

/** A Slack channel by its incoming webhook. */
export function createSlack({ url, redact, timeoutMs }: SlackOptions): AlertSink {
  const { host } = new URL(url);
  const target: PostTarget = { url, where: `Slack at ${host}`, setting: 'MILLRACE_CONN_SLACK', redact, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  return {
    description: target.where,
    async deliver(alert, signal) {
      await postJson(target, renderSlack(alert), signal);
      return undefined;
    },
    async check() {
      const answer = await post(target, {});
      const sound = answer.status < 300 || (answer.status === 400 && TAKES_MESSAGES.test(answer.said));
      if (!sound) throw refusal(target, answer);
      return `${target.where} knows the webhook.`;
    },
    close: () => Promise.resolve(),
  };
}

/** `text` is what notifications show, and what clients without blocks do. */
export function renderSlack(alert: Alert): { text: string; blocks: unknown[] } {
  const message = composeMessage(alert);
  const title = `${SIGNS[message.severity]} ${message.title}`;
  return {
    text: escape(title),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: oneLine(title, HEADER_LENGTH), emoji: false } },
      section(escape(message.cause)),
      section(facts(message)),
      section(commands(message)),
      ...(message.link === undefined ? [] : [section(`<${escape(message.link).replaceAll('|', '%7C')}|Open the run in the Web UI>`)]),
    ],
  };
}

function section(text: string): unknown {
  return { type: 'section', text: { type: 'mrkdwn', text } };
}

/** As many whole lines as a section takes. */
function facts({ facts: rows }: Message): string {
  return withinSection(rows.map(([name, value]) => `${name === '' ? '' : `*${escape(name)}* `}${escape(oneLine(value, 700))}`)).join('\n');
}

function commands({ commands: rows }: Message): string {
  const lines = withinSection(rows.map(([command, purpose]) => `${escape(command)}   # ${escape(purpose)}`));
  return `\`\`\`\n${lines.join('\n')}\n\`\`\``;
}

function withinSection(lines: readonly string[]): string[] {
  let left = SECTION_LENGTH - 100;
  return lines.filter((line) => (left -= line.length + 1) >= 0);
}

/** https://docs.slack.dev/messaging/formatting-message-text: without it `<!channel>` in an error would call everybody. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
