import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { loadConnections } from '../../src/connections/connections.js';
import type { ObjectStore } from '../../src/object-store/object-store.js';
import { createS3Store } from '../../src/object-store/s3.js';
import { obtainMoto } from '../servers/obtain-moto.js';
import { obtainVersitygw } from '../servers/obtain-versitygw.js';

/** S3, Lambda and Redshift on this machine, behind the protocols of the official clients; empty at every start. */
export interface AwsLocal {
  /** URIs with their secrets, for `MILLRACE_CONN_…`. */
  connections: Readonly<Record<string, string>>;
  incoming: ObjectStore;
  stop(): Promise<void>;
}

type Answer = { connections: Record<string, string> } | { problem: string };

/** Starts the servers of the tests in a process of their own, which ends with this one however this one ends. */
export async function startAwsLocal({ root, logFile, withCloudWatch, log }: { root: string; logFile: string; withCloudWatch: boolean; log: (line: string) => void }): Promise<AwsLocal> {
  const entry = join(root, 'test', 'servers', 'aws-local.ts');
  if (!existsSync(entry)) throw new Error(`--stack aws-local needs the servers of the tests, and there is no ${entry}: start it in a clone of the repository`);
  const gateway = await obtainVersitygw({ log });
  const moto = withCloudWatch ? await obtainMoto({ log }).catch((error: unknown) => log(`${messageOf(error)}\nMetrics go to the warehouse alone.`)) : undefined;
  log('starting S3, Lambda with the transform function, and a Redshift Data API over PostgreSQL (a few seconds)');
  const output = openSync(logFile, 'a');
  // Ctrl-C of a terminal reaches every process of its group: these have to outlive the worker.
  const child = spawn(process.execPath, ['--import', 'tsx', entry], { cwd: root, env: { ...process.env, MILLRACE_VERSITYGW: gateway, MILLRACE_MOTO: moto ?? '' }, stdio: ['ignore', output, output, 'ipc'], detached: true });
  closeSync(output);
  const ended = once(child, 'exit');
  const [answer] = (await Promise.race([once(child, 'message'), ended.then(() => [{ problem: `they ended at once; see ${logFile}` }])])) as [Answer];
  if ('problem' in answer) throw new Error(`the servers of --stack aws-local do not start: ${answer.problem}`);

  const { connections } = answer;
  const config = loadConnections({ env: { MILLRACE_CONN_INCOMING: connections['INCOMING'] }, root }).get('INCOMING', 'object-store');
  if (config.scheme !== 's3') throw new Error(`the servers of --stack aws-local gave a store of the scheme ${config.scheme}`);
  const incoming = createS3Store(config);
  return {
    connections,
    incoming,
    async stop() {
      await incoming.close();
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
