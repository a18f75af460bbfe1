import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import { ApplicationFailure, condition, defineSignal, setHandler } from '@temporalio/workflow';
import { setRerunOrigin, type RerunOrigin } from '../durable/rerun.js';
import { RERUN_HEADER, SEED_SIGNAL, type RerunHeader, type SeedPart } from './rerun-protocol.js';

/** What an earlier run's steps returned, by step id. */
export interface Seed {
  has(step: string): boolean;
  /** Hands it out once: a second call of the same id is a step of its own. */
  result(step: string): unknown;
  /** Parts that have not come yet; 0 for a run that re-runs nothing. */
  missing(): number;
  /** Resolves when all of it is there. */
  complete(): Promise<void>;
  origin: RerunOrigin | undefined;
}

/** A seed follows its run within moments; a command that was killed in between sends none. */
const SEED_TIMEOUT = '1m';

/** Reads from the run's headers whether it re-runs another one, and collects what that one has finished. */
export function receiveSeed(headers: Headers): Seed {
  const payload = headers[RERUN_HEADER];
  const results = new Map<string, unknown>();
  if (payload === undefined) return { has: () => false, result: () => undefined, missing: () => 0, complete: async () => {}, origin: undefined };

  const { parts, ...origin } = defaultPayloadConverter.fromPayload<RerunHeader>(payload);
  setRerunOrigin(origin);
  let missing = parts;
  setHandler(
    defineSignal<[SeedPart]>(SEED_SIGNAL),
    (part) => {
      for (const [step, { value }] of Object.entries(part.results)) results.set(step, value);
      missing -= 1;
    },
    { description: 'Results of the run that this one re-runs' },
  );
  return {
    has: (step) => results.has(step),
    result(step) {
      const result = results.get(step);
      results.delete(step);
      return result;
    },
    missing: () => missing,
    async complete() {
      if (!(await condition(() => missing <= 0, SEED_TIMEOUT))) {
        throw ApplicationFailure.nonRetryable('the results of the run to re-run did not arrive: the command that started this run was ended. Re-run again.', 'RERUN_UNSEEDED');
      }
    },
    origin,
  };
}
