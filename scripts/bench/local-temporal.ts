import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { Connection } from '@temporalio/client';

export async function startLocal(): Promise<{ address: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-temporal-'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const dyn = ['transfer', 'timer', 'visibility', 'outbound'].flatMap((q) => ['--dynamic-config-value', `history.${q}ProcessorMaxPollRPS=10000`]);
  const child = spawn('temporal', ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--db-filename', join(folder, 't.db'),
    ...dyn, '--dynamic-config-value', 'system.enableActivityEagerExecution=true', '--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1', '--log-level', 'error'], { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  const address = `127.0.0.1:${port}`;
  for (;;) {
    try { const c = await Connection.connect({ address, connectTimeout: 500 }); await c.workflowService.describeNamespace({ namespace: 'default' }); await c.close(); break; } catch { await new Promise((r) => setTimeout(r, 100)); }
  }
  return { address, stop: async () => { const e = once(child, 'exit'); child.kill('SIGTERM'); await e; await rm(folder, { recursive: true, force: true }); } };
}
