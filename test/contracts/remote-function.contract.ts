import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RemoteFunction } from '../../src/functions/remote-function.js';

export interface FunctionUnderTest {
  /** Does what `behaviour` says; answers with its event. */
  fn: RemoteFunction;
  stop(): Promise<void>;
}

/** What every adapter of the port does. The function under test is `test/fixtures/obedient-function.cjs`. */
export function remoteFunctionContract(adapter: string, start: () => Promise<FunctionUnderTest>): void {
  describe(`a function ${adapter}`, () => {
    let started: FunctionUnderTest;
    let fn: RemoteFunction;

    beforeAll(async () => {
      started = await start();
      fn = started.fn;
    });
    afterAll(() => started.stop());

    const invoke = (payload: Record<string, unknown>, signal?: AbortSignal): Promise<unknown> =>
      fn.invoke(payload, { idempotencyKey: 'key-1', ...(signal === undefined ? {} : { signal }) });

    test('is given its payload with the idempotency key, and its answer comes back as JSON', async () => {
      expect(await invoke({ a: { b: [1, 'ü🚲', null] } })).toEqual({ a: { b: [1, 'ü🚲', null] }, idempotencyKey: 'key-1' });
      expect(await invoke({ behaviour: 'nothing' })).toBeNull();
    });

    test('that throws fails with its error type and message, for good', async () => {
      await expect(invoke({ behaviour: 'throw', name: 'TypeError', message: 'no such thing' })).rejects.toMatchObject({
        code: 'FUNCTION_FAILED',
        retryable: false,
        message: expect.stringMatching(/TypeError: no such thing/) as string,
        details: { errorType: 'TypeError' },
      });
    });

    test.each([
      ['STORE_UNAVAILABLE', true],
      ['SOURCE_MALFORMED', false],
    ])('that throws an error named %s fails with that code', async (name, retryable) => {
      await expect(invoke({ behaviour: 'throw', name, message: 'the file a.csv' })).rejects.toMatchObject({ code: name, retryable, message: 'the file a.csv' });
    });

    test('is not called with a payload above 6 MB, or without a key', async () => {
      await expect(invoke({ text: 'x'.repeat(6 * 1024 * 1024) })).rejects.toMatchObject({ code: 'FUNCTION_REJECTED', retryable: false, message: expect.stringContaining('Nothing was sent') as string });
      await expect(fn.invoke({}, { idempotencyKey: '' })).rejects.toMatchObject({ code: 'BAD_PARAMS' });
      expect(((await invoke({ text: 'x'.repeat(5 * 1024 * 1024) })) as { text: string }).text).toHaveLength(5 * 1024 * 1024);
    });

    test('is no longer waited for when the signal aborts', async () => {
      const stopping = new AbortController();
      const waiting = invoke({ behaviour: 'wait' }, stopping.signal);
      setTimeout(() => stopping.abort(new Error('nobody waits')), 200);
      await expect(waiting).rejects.toThrow('nobody waits');
      await expect(invoke({}, stopping.signal)).rejects.toThrow('nobody waits');
    });

    test('says in one sentence that it can be invoked', async () => {
      expect(await fn.check()).toMatch(/^The function .*\.$/);
    });
  });
}
