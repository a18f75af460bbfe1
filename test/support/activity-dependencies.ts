import type { Dependencies } from '../../activities/dependencies.js';

/** The ports that a test gives; each other one fails the step that asks for it. */
export function dependenciesOf(given: Partial<Dependencies>): Dependencies {
  return new Proxy(given as Dependencies, {
    get(target, name: keyof Dependencies) {
      if (name in target) return target[name];
      throw new Error(`the test gives no ${name}`);
    },
  });
}
