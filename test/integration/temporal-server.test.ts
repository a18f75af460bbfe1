import { once } from 'node:events';
import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../../scripts/servers/temporal-server.js';
import { answers, freePort } from '../../src/stack/ports.js';
import { identifyProcess, isRunning } from '../../src/stack/process-identity.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

/** 127.0.0.1 as /proc/net/tcp writes it. */
const LOOPBACK_IN_PROC = '0100007F';

/** Local addresses of the sockets on which the process listens: proc(5), state 0A of /proc/net/tcp and tcp6. */
async function listeningAddresses(pid: number): Promise<string[]> {
  const links = await Promise.all((await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')));
  return tables
    .join('\n')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode))
    .map(([, local]) => local?.split(':')[0] ?? '');
}

describeWithServer('the Temporal dev server of the embedded stack', locateTemporal, () => {
  let dataDir: string;
  let executable: string;
  let running: TemporalServer[] = [];

  beforeAll(async () => {
    executable = locateTemporal();
    dataDir = await mkdtemp(join(tmpdir(), 'millrace-temporal-'));
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    running = [];
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  async function start(options: Partial<TemporalServerOptions> = {}): Promise<TemporalServer> {
    const server = await startTemporalServer({ executable, dataDir, log: () => {}, ...options });
    running.push(server);
    return server;
  }

  async function withClient<T>(server: TemporalServer, use: (client: Client) => Promise<T>): Promise<T> {
    const connection = await Connection.connect({ address: server.address });
    try {
      return await use(new Client({ connection, namespace: server.namespace }));
    } finally {
      await connection.close();
    }
  }

  const startRun = (server: TemporalServer, workflowId: string): Promise<unknown> =>
    withClient(server, (client) => client.workflow.start('nobodyPolls', { workflowId, taskQueue: 'none', searchAttributes: { MillracePipeline: ['shop'] } }));

  it('is ready when start returns: namespace, long retention, search attributes and Web UI', async () => {
    const server = await start({ searchAttributes: ['MillracePipeline'] });
    await withClient(server, async (client) => {
      const { config } = await client.workflowService.describeNamespace({ namespace: server.namespace });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
    });
    await startRun(server, 'first');
    const page = await fetch(server.uiUrl);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<html');
  });

  it('keeps its runs over a restart on other ports, and takes a search attribute that is new', async () => {
    const server = await start({ searchAttributes: ['MillracePipeline', 'MillraceState'] });
    await withClient(server, async (client) => {
      expect((await client.workflow.getHandle('first').describe()).status.name).toBe('RUNNING');
      const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace: server.namespace });
      expect(Object.keys(customAttributes).sort()).toEqual(['MillracePipeline', 'MillraceState']);
    });
  });

  it.skipIf(process.platform !== 'linux')('listens on the loopback interface only (seen in /proc, on Linux)', async () => {
    const addresses = await listeningAddresses((await start()).pid);
    expect(addresses.length).toBeGreaterThan(2);
    expect(new Set(addresses)).toEqual(new Set([LOOPBACK_IN_PROC]));
  });

  it('stops within its grace, and the process is gone', async () => {
    const server = await start();
    const process = (await identifyProcess(server.pid))!;
    await server.stop();
    expect(await isRunning(process)).toBe(false);
    expect(await answers(server.address)).toBe(false);
  });

  it('starts again after it was killed, with the runs that it had', async () => {
    const killed = await start({ searchAttributes: ['MillracePipeline'] });
    await startRun(killed, 'before the kill');
    process.kill(killed.pid, 'SIGKILL');
    expect(await killed.ended).toBe('SIGKILL');

    const server = await start();
    await withClient(server, async (client) => {
      expect((await client.workflow.getHandle('before the kill').describe()).status.name).toBe('RUNNING');
    });
  });

  it('makes a database anew that was killed while it was being made', async () => {
    const folder = await mkdtemp(join(dataDir, 'half-'));
    await writeFile(join(folder, 'temporal.db'), '');
    const lines: string[] = [];
    await start({ dataDir: folder, log: (line) => lines.push(line) });
    expect(lines).toContainEqual(expect.stringContaining('is made anew'));
  });

  it('says why, with the end of its log, when the server ends instead of starting', async () => {
    const port = await freePort();
    const blocker = createServer().listen(port, '127.0.0.1');
    await once(blocker, 'listening');
    try {
      const folder = await mkdtemp(join(dataDir, 'blocked-'));
      // What answers on the port is not Temporal, so that nothing but the end of the process tells.
      await expect(startTemporalServer({ executable, dataDir: folder, port, log: () => {} })).rejects.toThrow(/ended while it was starting \(exit code 1\)[\s\S]*address already in use/);
    } finally {
      blocker.close();
    }
  });

  it('says so when the program cannot be run at all', async () => {
    const folder = await mkdtemp(join(dataDir, 'none-'));
    await expect(startTemporalServer({ executable: join(folder, 'temporal'), dataDir: folder, log: () => {} })).rejects.toThrow(/cannot be started: .*ENOENT/);
  });

  it('keeps the log of this start and of the one before', async () => {
    const server = await start();
    await server.stop();
    expect((await readdir(join(dataDir, 'logs'))).sort()).toEqual(['temporal.log', 'temporal.log.1']);
    expect(await readFile(server.logFile, 'utf8')).toContain('Server:');
  });
});
