import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endProcess, identifyProcess, isRunning } from '../../src/stack/process-identity.js';
import { acquireStack, runningStack, type OwnedStack } from '../../src/stack/stack-state.js';

let home: string;
let children: ChildProcess[];
let servers: Server[];
let owned: OwnedStack[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
  [children, servers, owned] = [[], [], []];
});

afterEach(async () => {
  for (const stack of owned) await stack.release();
  for (const child of children) child.kill('SIGKILL');
  for (const server of servers) server.close();
  await rm(home, { recursive: true, force: true });
});

async function acquire(log: (line: string) => void = () => {}): Promise<OwnedStack> {
  const attempt = await acquireStack(home, log);
  if (attempt.kind !== 'owned') throw new Error(`the stack is held by process ${attempt.ownerPid}`);
  owned.push(attempt.stack);
  return attempt.stack;
}

interface Holder {
  process: ChildProcess;
  pid: number;
  told: { kind: string; ownerPid?: number; child?: number };
}

async function holder(...command: string[]): Promise<Holder> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/support/hold-stack.ts', home, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { process: child, pid: child.pid!, told: JSON.parse(line) as Holder['told'] };
}

/** Stands in for Temporal's port. */
async function listen(): Promise<{ address: string; port: number; close(): Promise<void> }> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}

const sleeper = (): ChildProcess => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  return child;
};

const temporalAt = (address: string): { address: string; namespace: string; uiUrl: string } => ({ address, namespace: 'default', uiUrl: 'http://127.0.0.1:8233' });

describe('the embedded stack', () => {
  it('is found from elsewhere once its Temporal server answers, with its address, workers and connections', async () => {
    const stack = await acquire();
    const worker = sleeper();
    await stack.recordProcess('worker', worker.pid!);
    await stack.publishConnections({ LAKE: 'file:///tmp/lake', MAIL: 'smtp://a:b%27c@127.0.0.1:25?from=x@example.com&to=y@example.com#z' });
    expect(await runningStack(home)).toBeUndefined();

    const { address } = await listen();
    await stack.publishTemporal(temporalAt(address));
    const found = await runningStack(home);
    expect(found).toMatchObject({ pid: process.pid, temporal: { address, namespace: 'default' }, workerPids: [worker.pid] });
    expect(parseEnv(await readFile(found!.connectionsFile, 'utf8'))).toEqual({
      MILLRACE_CONN_LAKE: 'file:///tmp/lake',
      MILLRACE_CONN_MAIL: 'smtp://a:b%27c@127.0.0.1:25?from=x@example.com&to=y@example.com#z',
    });
  });

  it('knows a worker that took the place of a dead one, and the dead one no longer', async () => {
    const stack = await acquire();
    const { address } = await listen();
    await stack.publishTemporal(temporalAt(address));
    const [first, second] = [sleeper(), sleeper()];
    await stack.recordProcess('worker', first.pid!);
    first.kill('SIGKILL');
    await once(first, 'exit');
    await stack.recordProcess('worker', second.pid!);
    expect((await runningStack(home))?.workerPids).toEqual([second.pid]);
  });

  it('shows its files, which hold secrets, to its own account only', async () => {
    const stack = await acquire();
    await stack.port('temporal');
    await stack.publishConnections({ LAKE: 'file:///tmp/lake' });
    const names = ['stack.json', 'connections.env', 'ports.json'];
    const modes = await Promise.all(names.map(async (name) => (await stat(join(home, name))).mode & 0o777));
    expect(modes).toEqual(names.map(() => 0o600));
  });

  it('is not found any more when its Temporal server has gone, or after it was released', async () => {
    const stack = await acquire();
    const server = await listen();
    await stack.publishTemporal(temporalAt(server.address));
    await server.close();
    expect(await runningStack(home)).toBeUndefined();

    const again = await listen();
    await stack.publishTemporal(temporalAt(again.address));
    expect(await runningStack(home)).toBeDefined();
    await stack.release();
    expect(await runningStack(home)).toBeUndefined();
    expect(existsSync(join(home, 'connections.env'))).toBe(false);
  });

  it.each(['nothing', 'a stale lock'])('gives itself to one of several that start at the same moment over %s, and the others learn who has it', async (before) => {
    if (before === 'a stale lock') {
      const owner = { ...(await identifyProcess(process.pid))!, started: 'long ago' };
      await writeFile(join(home, 'lock.3'), JSON.stringify({ owner, released: false }));
    }
    const holders = await Promise.all([holder(), holder(), holder(), holder()]);
    const winners = holders.filter(({ told }) => told.kind === 'owned');
    expect(winners).toHaveLength(1);
    const losers = holders.filter((one) => one !== winners[0]);
    expect(losers.map(({ told }) => told)).toEqual(losers.map(() => ({ kind: 'running', ownerPid: winners[0]!.pid })));
  });

  it('tells a second start where the running one is', async () => {
    const stack = await acquire();
    const { address } = await listen();
    await stack.publishTemporal(temporalAt(address));
    expect(await acquireStack(home, () => {})).toMatchObject({ kind: 'running', ownerPid: process.pid, stack: { temporal: { address } } });
  });

  it('can be had after its owner was killed, and what that one left running is stopped before', async () => {
    const killed = await holder('sleep', '600');
    const leftover = (await identifyProcess(killed.told.child!))!;
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    expect(await isRunning(leftover)).toBe(true);

    const lines: string[] = [];
    await acquire((line) => lines.push(line));
    expect(await isRunning(leftover)).toBe(false);
    expect(lines).toEqual([expect.stringContaining(`(pid ${leftover.pid})`)]);
    expect(existsSync(join(home, 'connections.env'))).toBe(false);
  });

  it('can be had again and again by the same process', async () => {
    for (let round = 0; round < 3; round += 1) await (await acquire()).release();
    expect((await acquire()).home).toBe(home);
  });

  it.each(['', '{', '{"owner":{"pid":"x"}}', 'null'])('starts over a corrupt record and lock: %j', async (text) => {
    await writeFile(join(home, 'stack.json'), text);
    await writeFile(join(home, 'lock.7'), text);
    await writeFile(join(home, 'ports.json'), text);
    expect(await runningStack(home)).toBeUndefined();
    const stack = await acquire();
    expect(await stack.port('temporal')).toBeGreaterThan(0);
  });

  it('does not take another process that was given the pid of the dead owner for it', async () => {
    const self = (await identifyProcess(process.pid))!;
    const owner = { ...self, started: 'long ago' };
    const { address } = await listen();
    await writeFile(join(home, 'lock.1'), JSON.stringify({ owner, released: false }));
    const record = { owner, startedAt: new Date().toISOString(), processes: [], temporal: temporalAt(address) };
    await writeFile(join(home, 'stack.json'), JSON.stringify(record));
    expect(await runningStack(home)).toBeUndefined();
    await acquire();
  });

  it('leaves a process alone that has only inherited the pid of a leftover', async () => {
    const other = (await identifyProcess(sleeper().pid!))!;
    expect(await endProcess({ ...other, started: 'long ago' })).toBe(false);
    expect(await endProcess({ ...other, command: 'temporal server start-dev' })).toBe(false);
    expect(await isRunning(other)).toBe(true);
    expect(await endProcess(other)).toBe(true);
    expect(await isRunning(other)).toBe(false);
  });

  it('ends a leftover that does not listen to SIGTERM', async () => {
    const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    await once(child.stdout, 'data');
    const deaf = (await identifyProcess(child.pid!))!;
    expect(await endProcess(deaf, 100)).toBe(true);
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL');
  });

  it('gives the ports of the last time again, and another one only where that is in use', async () => {
    const first = await acquire();
    const before = { temporal: await first.port('temporal'), ui: await first.port('ui') };
    expect(before.temporal).not.toBe(before.ui);
    await first.release();

    const blocker = createServer().listen(before.ui, '127.0.0.1');
    servers.push(blocker);
    await once(blocker, 'listening');
    const second = await acquire();
    expect(await second.port('temporal')).toBe(before.temporal);
    const other = await second.port('ui');
    expect(other).not.toBe(before.ui);
    await second.release();

    expect(await (await acquire()).port('ui')).toBe(other);
  });
});
