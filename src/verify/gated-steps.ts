import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SimplePlugin } from '@temporalio/plugin';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { armedKill, gateFiles, markOnce, type AttemptMark, type KillPlace } from './gate-files.js';

const LOOK_AGAIN_MS = 20;
/** Of a kill in the middle that says nothing else. */
const MIDDLE_MS = 15;

/**
 * A worker's plugin with which steps can be held, and the worker be killed in them, at a moment of somebody's choice. A file in
 * `folder` (`gateFiles`) acts on the step that it names:
 *
 *   hold-<workflow id>-<step>         the step waits, before it does anything, until the file is gone
 *   kill-<workflow id>-<step>.start   SIGKILL before the step does anything, once
 *   kill-<workflow id>-<step>.middle  SIGKILL as many milliseconds after it has begun as the file says, once
 *   kill-<workflow id>-<step>.end     SIGKILL after it has done everything and before Temporal is told, once
 *
 * A step that waits leaves `held-…`, a kill leaves `killed-…`, and every attempt leaves a line in `attempts-<workflow id>`.
 */
export function gatedSteps(folder: string): SimplePlugin {
  return new SimplePlugin({ name: 'gates', workerInterceptors: { activity: [gates(folder)] } });
}

function gates(folder: string): ActivityInterceptorsFactory {
  return ({ info, cancellationSignal }) => {
    const workflowId = info.workflowExecution?.workflowId ?? '';
    const step = info.activityId;
    const mark = (): string => JSON.stringify({ step, attempt: info.attempt, at: Date.now() } satisfies AttemptMark);
    const killIfArmed = (place: KillPlace): void => {
      if (armedKill(folder, gateFiles.kill(workflowId, step, place)) === undefined) return;
      // Another attempt may have been killed here before.
      if (markOnce(folder, gateFiles.killed(workflowId, step, place), mark())) process.kill(process.pid, 'SIGKILL');
    };
    const waitWhileHeld = async (): Promise<void> => {
      const hold = join(folder, gateFiles.hold(workflowId, step));
      if (!existsSync(hold)) return;
      writeFileSync(join(folder, gateFiles.held(workflowId, step)), '');
      while (existsSync(hold)) await delay(LOOK_AGAIN_MS, undefined, { signal: cancellationSignal });
    };

    return {
      inbound: {
        async execute(input, next) {
          appendFileSync(join(folder, gateFiles.attempts(workflowId)), `${mark()}\n`);
          await waitWhileHeld();
          killIfArmed('start');
          const middle = setTimeout(() => killIfArmed('middle'), armedKill(folder, gateFiles.kill(workflowId, step, 'middle')) || MIDDLE_MS);
          try {
            return await next(input);
          } finally {
            clearTimeout(middle);
            killIfArmed('end');
          }
        },
      },
    };
  };
}
