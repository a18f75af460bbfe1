import type { Dependencies } from '../dependencies.js';
import { createAwaitSignups } from './await-signups.js';
import { createConsumeAndStage } from './consume-and-stage.js';
import { createFixBounds } from './fix-bounds.js';
import { createLoadSignups, createRemoveSignupStaging } from './load-signups.js';
import { createProduceSignups } from './produce-signups.js';

/** The steps of `kafka-signups` and `kafka-signups-stream`. */
export function createKafkaSignupsActivities(deps: Dependencies) {
  return {
    produceSignups: createProduceSignups(deps),
    awaitSignups: createAwaitSignups(deps),
    fixBounds: createFixBounds(deps),
    consumeAndStage: createConsumeAndStage(deps),
    loadSignups: createLoadSignups(deps),
    removeSignupStaging: createRemoveSignupStaging(deps),
  };
}
