import { Piscina } from 'piscina';
import type { IncomingMessage } from '../../src/kafka/message-log.js';
import { createMessageJudge, type JudgedMessages, type PartitionFiles } from './message-judge.js';
import { packMessages, type PackedMessages } from './packed-messages.js';

/** Judges messages of a partition and writes what they are, here or in a thread. */
export interface Judging {
  /** When it returns, nothing of the messages is needed any more; one call's lines stand behind those of the call before. */
  judge(partition: number, messages: readonly IncomingMessage[], files: PartitionFiles): Promise<JudgedMessages>;
  close(): Promise<void>;
}

/** These are judged here before a thread has started. */
const FEW_MESSAGES = 20_000;
/** What a thread is given at most before its first answer: else it would wait for this one, which decodes, to go on. */
const MOST_QUEUED = 8;

/**
 * kafkajs decodes messages in the worker's own thread, and to judge them takes as long again: a large batch has a thread of its own
 * for that. A second one would wait for messages. `expected` is how many there may be.
 */
export function createJudging(topic: string, expected: number): Judging {
  if (expected <= FEW_MESSAGES) {
    const judge = createMessageJudge();
    return { judge: async (partition, messages, files) => judge(packMessages(topic, partition, messages, (bytes) => new ArrayBuffer(bytes)), files), close: () => Promise.resolve() };
  }
  const source = import.meta.url.endsWith('.ts');
  const pool = new Piscina<{ messages: PackedMessages; files: PartitionFiles }, JudgedMessages>({
    filename: new URL(source ? './judging-thread.ts' : './judging-thread.js', import.meta.url).href,
    ...(source ? { execArgv: ['--import', import.meta.resolve('tsx')] } : {}),
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: MOST_QUEUED,
    // What is judged is garbage at once: more room would only make the worker larger.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
  const memory = new SharedMemory();
  return {
    judge: (partition, messages, files) => {
      const packed = packMessages(topic, partition, messages, (bytes) => memory.take(bytes));
      return pool.run({ messages: packed, files }).finally(() => memory.giveBack(packed.values.bytes.buffer));
    },
    close: () => pool.destroy(),
  };
}

/** The same pieces again and again: new ones for every batch would be garbage that the collector hears of too late. */
class SharedMemory {
  readonly #free: ArrayBufferLike[] = [];

  take(bytes: number): ArrayBufferLike {
    const piece = this.#free.pop();
    return piece !== undefined && piece.byteLength >= bytes ? piece : new SharedArrayBuffer(Math.ceil(bytes * 1.25));
  }

  giveBack(piece: ArrayBufferLike): void {
    this.#free.push(piece);
  }
}
