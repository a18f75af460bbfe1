/** Lets `burst` calls through at once and `perSecond` more each second. */
export function createTokenBucket(options: { burst: number; perSecond: number; now: () => number }): { take(): number } {
  let tokens = options.burst;
  let filledAt = options.now();
  return {
    /** 0 when the call may pass; else the whole seconds (at least 1) after which one would. */
    take(): number {
      const now = options.now();
      tokens = Math.min(options.burst, tokens + ((now - filledAt) / 1000) * options.perSecond);
      filledAt = now;
      if (tokens >= 1) {
        tokens -= 1;
        return 0;
      }
      return Math.max(1, Math.ceil((1 - tokens) / options.perSecond));
    },
  };
}
