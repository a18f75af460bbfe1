import { Piscina } from 'piscina';
import { createMessageJudge, type JudgedMessages, type PackedMessages } from './judged-messages.js';

/** Judges messages, here or in a thread. */
export interface Judging {
  judge(messages: PackedMessages): Promise<JudgedMessages>;
  close(): Promise<void>;
}

/** These are judged here before a thread has started. */
const FEW_MESSAGES = 20_000;

/**
 * kafkajs decodes messages in the worker's own thread, and to judge them takes as long again: a large batch has a thread of its own
 * for that. A second one would wait for messages. `expected` is how many there may be.
 */
export function createJudging(expected: number): Judging {
  if (expected <= FEW_MESSAGES) {
    const judge = createMessageJudge();
    return { judge: async (messages) => judge(messages), close: () => Promise.resolve() };
  }
  const source = import.meta.url.endsWith('.ts');
  const pool = new Piscina<PackedMessages, JudgedMessages>({
    filename: new URL(source ? './judging-thread.ts' : './judging-thread.js', import.meta.url).href,
    ...(source ? { execArgv: ['--import', import.meta.resolve('tsx')] } : {}),
    minThreads: 1,
    maxThreads: 1,
    // What is judged is garbage at once: more room would only make the worker larger.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  return {
    judge: (messages) => pool.run(messages, { transferList: [messages.bytes.buffer] }),
    close: () => pool.destroy(),
  };
}
