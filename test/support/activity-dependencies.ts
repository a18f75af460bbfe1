import { noopMetricMeter } from '@temporalio/common';
import type { Dependencies } from '../../activities/dependencies.js';

/** The ports that a test gives; each other one fails the step that asks for it. Metrics go nowhere. */
export function dependenciesOf(given: Partial<Dependencies>): Dependencies {
  return new Proxy({ meter: noopMetricMeter, ...given } as Dependencies, {
    get(target, name: keyof Dependencies) {
      if (name in target) return target[name];
      throw new Error(`the test gives no ${name}`);
    },
  });
}
