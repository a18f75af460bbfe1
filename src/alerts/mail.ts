import { createTransport, type SMTPTransportOptions } from 'nodemailer';
import { translateMailError } from './mail-errors.js';
import type { RenderedMail } from './render-mail.js';

export interface MailerOptions {
  host: string;
  port: number;
  /** TLS from the first byte (port 465). */
  secure: boolean;
  user?: string;
  password?: string;
  from: string;
  to: readonly string[];
  /** Only where `secure` is not set; `if-offered` goes on in the clear when the server has no STARTTLS. */
  starttls: 'required' | 'if-offered' | 'never';
  /** Takes secrets out of what the server says. */
  redact: (text: string) => string;
  /** Milliseconds for connecting and for each answer; default 10 000. */
  timeoutMs?: number;
}

export interface SendOptions {
  /** The same for every attempt to send this mail, with its angle brackets. */
  messageId: string;
  /** The id that all mails of one thread name, with its angle brackets. */
  thread?: string;
  signal?: AbortSignal;
}

/** Errors: `ALERT_UNDELIVERED` (retryable: down, slow, a 4xx answer), `ALERT_REJECTED` (login, addresses, a 5xx answer, an untrusted certificate). */
export interface Mailer {
  /** `smtp://host:port`: for messages. */
  readonly description: string;
  /** Sent when at least one recipient was taken; `rejected` lists the others. */
  send(mail: RenderedMail, options: SendOptions): Promise<{ rejected: readonly string[] }>;
  /** One sentence when the server can be reached and takes the login; else throws. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}

/** Mail by SMTP. Every mail opens a connection of its own: alerts are rare. */
export function createMailer(options: MailerOptions): Mailer {
  const { host, port, secure, user, password, from, to, redact } = options;
  const description = `${secure ? 'smtps' : 'smtp'}://${host}:${port}`;
  const timeout = options.timeoutMs ?? 10_000;
  const transport = createTransport({
    host,
    port,
    secure,
    ...starttlsOptions(options),
    ...(user === undefined || password === undefined ? {} : { auth: { user, pass: password } }),
    dnsTimeout: timeout,
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    // Text of an error must never make the mailer read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  } satisfies SMTPTransportOptions);

  return {
    description,
    async send({ subject, text, html }, { messageId, thread, signal }) {
      try {
        signal?.throwIfAborted();
        const info = await transport.sendMail({
          from,
          to: [...to],
          subject,
          text,
          html,
          messageId,
          ...(thread === undefined ? {} : { inReplyTo: thread, references: thread }),
          // RFC 3834: no out-of-office notes in return.
          headers: { 'Auto-Submitted': 'auto-generated' },
          ...(signal ? { signal } : {}),
        });
        return { rejected: info.rejected };
      } catch (error) {
        signal?.throwIfAborted();
        throw translateMailError(error, description, redact);
      }
    },
    async check() {
      try {
        await transport.verify();
      } catch (error) {
        throw translateMailError(error, description, redact);
      }
      return `${description} answers${user === undefined ? '' : ' and takes the login'}; mails go to ${to.join(', ')}.`;
    },
    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}

function starttlsOptions({ secure, starttls }: MailerOptions): Pick<SMTPTransportOptions, 'requireTLS' | 'ignoreTLS'> {
  if (secure || starttls === 'if-offered') return {};
  return starttls === 'required' ? { requireTLS: true } : { ignoreTLS: true };
}
