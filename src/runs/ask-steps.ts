import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { STEPS_QUERY, type StepsAnswer } from '../steps/operator-protocol.js';
import type { RunIds } from './follow-run.js';

/** A worker that has the run in its cache answers within milliseconds; one that must replay it first takes longer. */
const ANSWER_WITHIN_MS = 2000;
/** How long a picture waits for an answer that may be under way. */
const PICTURE_WAITS_MS = 100;
/** The answer of a wide run is large. */
const ASK_EVERY_MS = 1000;
/** After nobody has answered. */
const ASK_AGAIN_AFTER_MS = 10_000;

/** What the run itself says of its steps; `undefined` where no worker answers, or its worker does not have the plugin. */
export async function askSteps(client: Client, { workflowId, runId }: RunIds): Promise<StepsAnswer | undefined> {
  try {
    return await client.withDeadline(Date.now() + ANSWER_WITHIN_MS, () => client.workflow.getHandle(workflowId, runId).query<StepsAnswer>(STEPS_QUERY));
  } catch {
    // The history tells the rest.
    return undefined;
  }
}

export interface StepsAsker {
  /** What was answered last, now and then anew; it waits for a new answer only where `isOutdated` says so of the last one. */
  newest(isOutdated: (answer: StepsAnswer | undefined) => boolean): Promise<StepsAnswer | undefined>;
}

/** Asks again and again, so that nobody waits every time for a worker that is not there. */
export function createStepsAsker(client: Client, ids: RunIds): StepsAsker {
  let answer: StepsAnswer | undefined;
  let asking: Promise<void> | undefined;
  let isSilent = false;
  let nextAt = 0;
  const ask = async (): Promise<void> => {
    const started = Date.now();
    const answered = await askSteps(client, ids);
    answer = answered ?? answer;
    isSilent = answered === undefined;
    nextAt = isSilent ? Date.now() + ASK_AGAIN_AFTER_MS : started + ASK_EVERY_MS;
    asking = undefined;
  };
  return {
    async newest(isOutdated) {
      const waits = !isSilent && isOutdated(answer);
      // What is under way may have been asked before the change.
      if (waits) await asking;
      if (asking === undefined && (waits || Date.now() >= nextAt)) asking = ask();
      if (asking !== undefined) await (waits ? asking : Promise.race([asking, delay(PICTURE_WAITS_MS, undefined, { ref: false })]));
      return answer;
    },
  };
}
