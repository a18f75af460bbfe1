import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  /** Where the message is kept, as it came (RFC 5322). */
  file: string;
  from: string;
  to: readonly string[];
  raw: Buffer;
}

export interface MailSinkOptions {
  /** Folder for the .eml files, numbered in the order of their arrival. */
  directory: string;
  onMail?: (mail: ReceivedMail) => void;
}

const MAX_MAIL_BYTES = 10_000_000;

/** An SMTP server on a free port of the loopback interface that takes every mail, keeps it as a file, and sends nothing on. */
export async function startMailSink(options: MailSinkOptions): Promise<{ host: string; port: number; stop(): Promise<void> }> {
  await mkdir(options.directory, { recursive: true });
  let arrived = await highestNumber(options.directory);

  async function keep(raw: Buffer, from: string, to: readonly string[]): Promise<void> {
    const file = join(options.directory, `${String((arrived += 1)).padStart(6, '0')}.eml`);
    // A reader of the folder never sees half a mail.
    await writeFile(`${file}.part`, raw);
    await rename(`${file}.part`, file);
    options.onMail?.({ file, from, to, raw });
  }

  async function receive(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<null> {
    const raw = await buffer(stream);
    if (stream.sizeExceeded) throw Object.assign(new Error(`the mail is larger than ${MAX_MAIL_BYTES} bytes`), { responseCode: 552 });
    await keep(raw, envelope.mailFrom === false ? '' : envelope.mailFrom.address, envelope.rcptTo.map(({ address }) => address));
    return null;
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    closeTimeout: 1_000,
    onData: (stream, session, answer) => {
      receive(stream, session).then(answer, answer);
    },
  });
  // A client that hangs up in the middle is no reason to end the process.
  server.on('error', () => undefined);
  const host = '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, host, () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  return {
    host,
    port: (server.server.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function highestNumber(directory: string): Promise<number> {
  const numbers = (await readdir(directory)).map((name) => Number(/^(\d+)\.eml$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}
