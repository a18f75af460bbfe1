import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';

export interface SmtpServerOptions {
  /** Demands this login; absent: takes mail from everybody. */
  login?: { user: string; password: string };
  /** `starttls`: offered, with a certificate that nobody trusts. Default `none`. */
  tls?: 'starttls' | 'none';
  /** Absent: a free one. */
  port?: number;
}

/** Where a conversation can be answered with an error. */
export type SmtpStage = 'connect' | 'login' | 'recipient' | 'data';

export interface SmtpAnswer {
  code: number;
  text: string;
  /** Only for this recipient. */
  address?: string;
}

export interface RunningSmtpServer {
  host: string;
  port: number;
  /** What was taken, parsed back, in the order of arrival. */
  readonly mails: readonly ParsedMail[];
  /** From now on the server answers so at this stage; `undefined`: as usual again. */
  answer(stage: SmtpStage, answer: SmtpAnswer | undefined): void;
  stop(): Promise<void>;
}

/** A real SMTP server on the loopback interface. */
export async function startSmtpServer(options: SmtpServerOptions = {}): Promise<RunningSmtpServer> {
  const mails: ParsedMail[] = [];
  const answers = new Map<SmtpStage, SmtpAnswer>();

  const objection = (stage: SmtpStage, address?: string): Error | undefined => {
    const answer = answers.get(stage);
    if (!answer || (answer.address !== undefined && answer.address !== address)) return undefined;
    return Object.assign(new Error(answer.text), { responseCode: answer.code });
  };

  const take = async (stream: SMTPServerDataStream): Promise<Error | undefined> => {
    const mail = await simpleParser(stream);
    const refused = objection('data');
    if (!refused) mails.push(mail);
    return refused;
  };

  const server = new SMTPServer({
    authOptional: !options.login,
    allowInsecureAuth: true,
    disabledCommands: [...(options.login ? [] : ['AUTH']), ...(options.tls === 'starttls' ? [] : ['STARTTLS'])],
    disableReverseLookup: true,
    closeTimeout: 500,
    onConnect: (_session, done) => done(objection('connect')),
    onAuth: ({ username, password }, _session, done) => {
      const wrong = username !== options.login?.user || password !== options.login?.password;
      const refused = objection('login') ?? (wrong ? Object.assign(new Error('Authentication failed'), { responseCode: 535 }) : undefined);
      done(refused, refused ? undefined : { user: username });
    },
    onRcptTo: ({ address }, _session, done) => done(objection('recipient', address)),
    onData: (stream, _session, answered) => {
      take(stream).then(answered, answered);
    },
  });
  // A client that hangs up in the middle is what some tests are about.
  server.on('error', () => undefined);
  const host = '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });

  return {
    host,
    port: (server.server.address() as AddressInfo).port,
    mails,
    answer(stage, answer) {
      if (answer) answers.set(stage, answer);
      else answers.delete(stage);
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
