import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { processRefSchema } from './process-identity.js';

const roles = z.enum(['temporal', 'worker', 'demo', 'kafka']);

const stackSchema = z.object({
  /** Who started the stack and stops it. */
  owner: processRefSchema,
  startedAt: z.iso.datetime(),
  /** Everything that was started, from the moment of its start on, so that nothing is left over when the owner is killed. */
  processes: z.array(processRefSchema.extend({ role: roles })),
  /** Absent until the Temporal server is healthy. */
  temporal: z.object({ address: z.string().regex(/^.+:\d+$/), namespace: z.string().min(1), uiUrl: z.url() }).optional(),
});

/** What `.millrace/stack.json` says; it holds no secrets. */
export type StackRecord = z.infer<typeof stackSchema>;
export type ProcessRole = z.infer<typeof roles>;

const portsSchema = z.record(z.string(), z.number().int().min(1).max(65_535));

export type Ports = z.infer<typeof portsSchema>;

/** The files of one embedded stack. */
export interface StackFiles {
  readonly stack: string;
  /** `MILLRACE_CONN_…` lines, with secrets; read by `src/connections/settings.ts`. */
  readonly connections: string;
  readonly ports: string;
}

export function stackFiles(home: string): StackFiles {
  return { stack: join(home, 'stack.json'), connections: join(home, 'connections.env'), ports: join(home, 'ports.json') };
}

/** `undefined` when there is none, or none that can be understood: then nothing is known to run. */
export async function readStack(files: StackFiles): Promise<StackRecord | undefined> {
  return await readJson(files.stack, stackSchema);
}

export async function writeStack(files: StackFiles, record: StackRecord): Promise<void> {
  await writePrivately(files.stack, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Ports of the last start. */
export async function readPorts(files: StackFiles): Promise<Ports> {
  return (await readJson(files.ports, portsSchema)) ?? {};
}

export async function writePorts(files: StackFiles, ports: Ports): Promise<void> {
  await writePrivately(files.ports, `${JSON.stringify(ports, undefined, 2)}\n`);
}

/** `uris` by the name of the connection without its prefix: `{ LAKE: 'file:///…' }`. */
export async function writeConnections(files: StackFiles, uris: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(uris).map(([name, uri]) => {
    // URIs encode both; a file that is read differently from how it was written would be found much later.
    if (/['\n\r]/.test(uri)) throw new Error(`the URI of the connection ${name} has a quote or a line break, which must be percent-encoded`);
    return `MILLRACE_CONN_${name}='${uri}'\n`;
  });
  await writePrivately(files.connections, `# Connections of the embedded stack while it runs. Holds secrets.\n${lines.join('')}`);
}

export async function removeStack(files: StackFiles): Promise<void> {
  await rm(files.stack, { force: true });
  await rm(files.connections, { force: true });
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Readers see the old text or the new one, and nobody else's account sees either. */
async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, file);
}
