import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';
import { MillracePlugin } from '../../src/steps/plugin.js';
import { createStepLogs } from '../../src/steps/step-logs.js';
import { benchBundle } from './bench-bundle.js';
import type { BenchContext } from './bench-context.js';
import { ratioFigure, sideBySide, type Figure, type Measured } from './figures.js';
import type { chain, fanOut } from './step-workflows.js';

const TARGET = 1.1;

/** The first shape warms the code of both workers, which live for days where they are at work. */
const SHAPES: readonly { name: string; workflow: 'chain' | 'fanOut'; steps: number; rounds: number; warmups: number }[] = [
  { name: '10 steps in a chain', workflow: 'chain', steps: 10, rounds: 151, warmups: 40 },
  { name: 'fan-out of 100 steps', workflow: 'fanOut', steps: 100, rounds: 61, warmups: 3 },
  { name: 'fan-out of 1,000 steps', workflow: 'fanOut', steps: 1000, rounds: 9, warmups: 3 },
];

/**
 * Steps that do nothing: a worker with the Millrace plugin, its step logs going to a local directory as in `workers/main.ts`,
 * against a worker of the bare SDK. Two workers in this process, each with a task queue of its own, on one server; while one
 * works, the other only polls.
 */
export async function benchSteps(context: BenchContext): Promise<Figure[]> {
  const { connection, logger, client, quick } = context;
  const lake = createLocalDirectoryStore({ root: join(context.folder, 'step-logs') });
  const logs = createStepLogs(() => lake, (message) => context.say(message));
  const plugin = new MillracePlugin({ redact: (text) => text, logs });

  const createWorker = async (taskQueue: string, plugins: MillracePlugin[]): Promise<Worker> =>
    Worker.create({
      connection,
      taskQueue,
      workflowBundle: await benchBundle('step-workflows', plugins, logger),
      activities: { noOp: async () => {} },
      plugins,
      maxCachedWorkflows: 2000,
    });
  const ours = await createWorker('bench-steps-ours', [plugin]);
  const bare = await createWorker('bench-steps-bare', []);
  const run = (taskQueue: string, { workflow, steps }: (typeof SHAPES)[number]): Measured => async () => {
    await client.workflow.execute<typeof chain | typeof fanOut>(workflow, { taskQueue, workflowId: `bench-${randomUUID()}`, args: [steps] });
  };

  const measured = ours.runUntil(
    bare.runUntil(async () => {
      const figures: Figure[] = [];
      for (const shape of SHAPES) {
        context.say(`steps: ${shape.name}`);
        const sides = { ours: run('bench-steps-ours', shape), theirs: run('bench-steps-bare', shape) };
        const comparison = await sideBySide(sides, quick ? 3 : shape.rounds, { warmups: quick ? 3 : shape.warmups });
        figures.push(ratioFigure(comparison, { benchmark: 'steps', name: shape.name, target: TARGET, ours: 'Millrace', theirs: 'bare SDK' }));
      }
      return figures;
    }),
  );
  try {
    return await measured;
  } finally {
    await logs.flush();
    await lake.close();
  }
}
