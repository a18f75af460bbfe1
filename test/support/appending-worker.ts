import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { gatedSteps } from '../../src/verify/gated-steps.js';
import type { VerifyTestActivities } from '../fixtures/verify-workflows.js';

/** A worker of `verify-workflows.ts`, bundled beforehand, in a process of its own; its tables are files in the folder TABLES. */
const { TEMPORAL_ADDRESS: address = '', TASK_QUEUE: taskQueue = '', BUNDLE: codePath = '', TABLES: tables = '', GATES: gates = '' } = process.env;

const activities: VerifyTestActivities = {
  replaceRow: (table) => writeFile(join(tables, table), 'row\n'),
  appendRow: (table) => appendFile(join(tables, table), 'row\n'),
  refuse: async () => {
    throw ApplicationFailure.nonRetryable('the source is gone', 'SourceGone');
  },
};

Runtime.install({ logger: new DefaultLogger('WARN') });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowBundle: { codePath },
  activities: { ...activities },
  plugins: [new MillracePlugin({ redact: (text) => text }), gatedSteps(gates)],
  stickyQueueScheduleToStartTimeout: '2s',
});
process.send?.('ready');
await worker.run();
process.exit();
