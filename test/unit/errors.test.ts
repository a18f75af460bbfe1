import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.js';

describe('docs/errors.md', () => {
  const rows = new Map([...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `([A-Z_]+)` \| (yes|no) \|/gm)].map(([, code, retried]) => [code!, retried!]));

  it('documents every code and no other, with the truth about retries', () => {
    const documented = Object.fromEntries(rows);
    expect(documented).toEqual(Object.fromEntries(Object.entries(ERRORS).map(([code, { retryable }]) => [code, retryable ? 'yes' : 'no'])));
  });
});
