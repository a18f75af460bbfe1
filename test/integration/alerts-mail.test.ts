import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/alerts/alert.js';
import { createMailAlerts } from '../../src/alerts/mail-alerts.js';
import { createMailer, type Mailer, type MailerOptions } from '../../src/alerts/mail.js';
import { createRedactor } from '../../src/connections/secrets.js';
import { isMillraceError, type MillraceError } from '../../src/errors.js';
import { startSmtpServer, type RunningSmtpServer, type SmtpServerOptions } from '../servers/smtp.js';

const LOGIN = { user: 'millrace', password: 'p@ss/wörd "1"' };

const RUN_ID = '0b9d2c9a-2f63-4a3e-9d0e-3f1f3a1d0c11';
const FAILED = { kind: 'failed', step: 'extract.夏', errorCode: 'SOURCE_UNAVAILABLE', message: 'die Quelle antwortet nicht – 503 ✗', at: '2010-12-02T01:03:20.000Z' } as const;
const ALERT = {
  id: `alert-${RUN_ID}.mail.1`,
  run: {
    pipeline: 'commande-journalière',
    interval: { label: '2010-12-01', start: '2010-12-01T00:00:00.000Z', end: '2010-12-02T00:00:00.000Z' },
    workflowId: 'run-1',
    runId: RUN_ID,
    startedAt: '2010-12-02T01:00:00.000Z',
    webUiUrl: 'http://127.0.0.1:8233/namespaces/default/workflows/run-1',
    owner: 'data-team',
  },
  events: [FAILED],
} satisfies Alert;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function smtpServer(options?: SmtpServerOptions): Promise<RunningSmtpServer> {
  const server = await startSmtpServer(options);
  stops.push(() => server.stop());
  return server;
}

function mailer(port: number, options: Partial<MailerOptions> = {}): Mailer {
  const made = createMailer({
    host: '127.0.0.1',
    port,
    secure: false,
    from: 'etl@localhost',
    to: ['team@example.com', 'lead+etl@example.com'],
    starttls: 'if-offered',
    redact: createRedactor([{ user: LOGIN.user, secret: LOGIN.password }]),
    timeoutMs: 2_000,
    ...options,
  });
  stops.push(() => made.close());
  return made;
}

const send = (to: Mailer, alert: Alert = ALERT, signal?: AbortSignal) => createMailAlerts(to).deliver(alert, signal);

async function failureOf(work: Promise<unknown>): Promise<MillraceError> {
  const error = await work.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  if (!isMillraceError(error)) throw error;
  return error;
}

describe('mail by SMTP', () => {
  it('carries all fields in a text and an HTML part, with Unicode in the subject', async () => {
    const server = await smtpServer();
    await expect(send(mailer(server.port))).resolves.toBeUndefined();
    const [mail] = server.mails;
    expect(server.mails).toHaveLength(1);
    expect(mail?.subject).toBe('[millrace] commande-journalière 2010-12-01 failed at extract.夏');
    expect(mail?.from?.text).toBe('etl@localhost');
    expect([mail?.to].flat().map((to) => to?.text)).toEqual(['team@example.com, lead+etl@example.com']);
    expect(mail?.messageId).toBe(`<alert-${RUN_ID}.mail.1@millrace>`);
    expect(mail?.inReplyTo).toBe(`<run.${RUN_ID}@millrace>`);
    expect(mail?.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail?.attachments).toEqual([]);
    for (const part of [mail?.text, mail?.html]) {
      for (const fact of ['The source did not answer.', 'die Quelle antwortet nicht – 503 ✗', ALERT.run.webUiUrl, 'millrace status run-1', RUN_ID, 'data-team']) {
        expect(part).toContain(fact);
      }
    }
  });

  it('sends the same message id again when it is told the same alert again', async () => {
    const server = await smtpServer();
    const channel = mailer(server.port);
    await send(channel);
    await send(channel, { ...ALERT, events: [{ ...FAILED, message: 'said otherwise' }] });
    expect(new Set(server.mails.map(({ messageId }) => messageId)).size).toBe(1);
  });

  it('adds no header and no recipient that an error or a name asks for', async () => {
    const server = await smtpServer();
    const injected = 'oops\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\n.\r\nQUIT';
    await send(mailer(server.port), { id: injected, run: { ...ALERT.run, pipeline: injected, runId: injected }, events: [{ ...FAILED, message: injected, step: injected }] });
    const [mail] = server.mails;
    expect(server.mails).toHaveLength(1);
    expect([...(mail?.headers.keys() ?? [])].sort()).toEqual(['auto-submitted', 'content-type', 'date', 'from', 'in-reply-to', 'message-id', 'mime-version', 'references', 'subject', 'to']);
    expect(mail?.bcc).toBeUndefined();
    expect(mail?.text).toContain('Last error:');
  });

  it('does not mend a raw line break in what it is given into a header either', async () => {
    const server = await smtpServer();
    await mailer(server.port).send({ subject: 'a\r\nBcc: eve@example.com', text: 't', html: '<p>t</p>' }, { messageId: '<x@millrace>' });
    expect(server.mails[0]?.bcc).toBeUndefined();
    expect(server.mails[0]?.headers.has('bcc')).toBe(false);
  });

  it('logs in, and says so when it is checked', async () => {
    const server = await smtpServer({ login: LOGIN });
    const channel = mailer(server.port, { ...LOGIN, starttls: 'never' });
    await expect(channel.check()).resolves.toBe(`smtp://127.0.0.1:${server.port} answers and takes the login; mails go to team@example.com, lead+etl@example.com.`);
    await send(channel);
    expect(server.mails).toHaveLength(1);
  });

  it('reports recipients that were refused while others were not', async () => {
    const server = await smtpServer();
    server.answer('recipient', { code: 550, text: 'no such mailbox', address: 'team@example.com' });
    await expect(send(mailer(server.port))).resolves.toBe('the mail server refused some recipients: team@example.com');
    expect(server.mails).toHaveLength(1);
  });

  it.each([
    ['recipient', 550, 'ALERT_REJECTED'],
    ['data', 554, 'ALERT_REJECTED'],
    ['login', 535, 'ALERT_REJECTED'],
    ['connect', 421, 'ALERT_UNDELIVERED'],
    ['connect', 554, 'ALERT_REJECTED'],
    ['recipient', 450, 'ALERT_UNDELIVERED'],
    ['data', 452, 'ALERT_UNDELIVERED'],
    ['login', 454, 'ALERT_UNDELIVERED'],
  ] as const)('at %s, the answer %i means %s', async (stage, code, expected) => {
    const server = await smtpServer({ login: LOGIN });
    server.answer(stage, { code, text: 'for this reason' });
    const error = await failureOf(send(mailer(server.port, { ...LOGIN, starttls: 'never' })));
    expect(error.code).toBe(expected);
    expect(error.message).toContain(`smtp://127.0.0.1:${server.port}`);
    expect(error.message).toContain('for this reason');
    expect(server.mails).toEqual([]);
  });

  it('delivers at the next attempt what a busy server did not take at the first', async () => {
    const server = await smtpServer();
    const channel = mailer(server.port);
    server.answer('connect', { code: 421, text: 'try later' });
    expect((await failureOf(send(channel))).retryable).toBe(true);
    server.answer('connect', undefined);
    await send(channel);
    expect(server.mails).toHaveLength(1);
  });

  it('is undelivered while the server is down', async () => {
    const server = await startSmtpServer();
    await server.stop();
    for (const work of [send(mailer(server.port)), mailer(server.port).check()]) expect((await failureOf(work)).code).toBe('ALERT_UNDELIVERED');
  });

  it('is undelivered when the server takes the connection and says nothing', async () => {
    const port = await silentServer();
    const error = await failureOf(send(mailer(port, { timeoutMs: 100 })));
    expect(error.code).toBe('ALERT_UNDELIVERED');
  });

  it('ends at once when it is cancelled', async () => {
    const reason = new Error('cancelled by the operator');
    const controller = new AbortController();
    const port = await silentServer(() => controller.abort(reason));
    await expect(send(mailer(port, { timeoutMs: 60_000 }), ALERT, controller.signal)).rejects.toBe(reason);
  });

  it('sends no password in the clear where TLS is required', async () => {
    const server = await smtpServer({ login: LOGIN });
    const error = await failureOf(send(mailer(server.port, { ...LOGIN, starttls: 'required' })));
    expect(error.code).toBe('ALERT_REJECTED');
  });

  it('refuses a certificate that nobody trusts', async () => {
    const server = await smtpServer({ tls: 'starttls' });
    const error = await failureOf(send(mailer(server.port)));
    expect(error.code).toBe('ALERT_REJECTED');
    expect(error.message).toMatch(/certificate/i);
  });

  it('never repeats the password, not even when the server does', async () => {
    const server = await smtpServer({ login: LOGIN });
    const plain = Buffer.from(`\0${LOGIN.user}\0${LOGIN.password}`).toString('base64');
    server.answer('login', { code: 535, text: `wrong: ${LOGIN.password} ${encodeURIComponent(LOGIN.password)} ${plain}` });
    const error = await failureOf(mailer(server.port, { ...LOGIN, starttls: 'never' }).check());
    expect(error.message).toContain('wrong: *** *** ***');
    expect(`${error.stack ?? ''}${JSON.stringify(error)}${String(error.cause)}`).not.toMatch(/p@ss|p%40ss/);
  });
});

/** Takes connections and never greets. */
async function silentServer(onConnection?: () => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection?.();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
