import { describe, expect, it } from 'vitest';
import { optionsAfter } from '../../src/steps/later-attempts.js';

describe('options for scheduling an activity again', () => {
  it('go on counting attempts and growing waits', () => {
    const retry = { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 6 } as const;
    expect(optionsAfter({ startToCloseTimeout: '2h', retry }, 2, 5000)).toEqual({
      startToCloseTimeout: '2h',
      retry: { initialInterval: 8000, backoffCoefficient: 2, maximumInterval: 60_000, maximumAttempts: 4 },
    });
    expect(optionsAfter({ retry }, 5, 0)?.retry).toMatchObject({ initialInterval: 60_000, maximumAttempts: 1 });
  });

  it('are none when all attempts are used', () => {
    expect(optionsAfter({ retry: { maximumAttempts: 1 } }, 1, 0)).toBeUndefined();
  });

  it('keep Temporal’s defaults where nothing is said', () => {
    expect(optionsAfter({ scheduleToCloseTimeout: '1m' }, 1, 20_000)).toEqual({ scheduleToCloseTimeout: 40_000, retry: { initialInterval: 2000, maximumInterval: 100_000 } });
  });
});
