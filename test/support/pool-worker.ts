import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { poolToken } from '../../src/steps/pool-leases.js';
import type { PoolTestActivities } from '../fixtures/pool-workflows.js';

/**
 * A worker process for steps that must not run at once. Each writes to the witness, the file `witness` of the folder argv[4]:
 *
 *   in|out|stopped <pid> <name> <token> <milliseconds since 1970>
 *
 * The order of its lines is the order of what happened. While a file `hold-<name>` is in the folder, the step stays inside.
 * argv: address, task queue, folder.
 */
const [, , address = '', taskQueue = '', folder = ''] = process.argv;

const LOOK_AGAIN_MS = 20;
const SHORT_WORK_MS = 30;

function say(what: string, name: string): void {
  appendFileSync(join(folder, 'witness'), `${what} ${process.pid} ${name} ${poolToken()} ${Date.now()}\n`);
}

const activities: PoolTestActivities = {
  async work(name) {
    const { cancellationSignal: signal } = Context.current();
    say('in', name);
    try {
      await delay(SHORT_WORK_MS, undefined, { signal });
      while (existsSync(join(folder, `hold-${name}`))) await delay(LOOK_AGAIN_MS, undefined, { signal });
    } catch (error) {
      say('stopped', name);
      throw error;
    }
    say('out', name);
    return poolToken();
  },
  async failOnce(name) {
    const { attempt } = Context.current().info;
    say('in', name);
    say('out', name);
    if (existsSync(join(folder, `fail-${name}`))) throw ApplicationFailure.retryable(`attempt ${attempt} fails`, 'OnPurpose');
    return `attempt ${attempt}`;
  },
};

Runtime.install({ logger: new DefaultLogger('ERROR') });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  activities,
  plugins: [new MillracePlugin({ redact: (text) => text })],
  maxHeartbeatThrottleInterval: '200ms',
  shutdownGraceTime: '1s',
});
process.send?.('ready');
await worker.run();
