import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { millrace } from '../support/millrace-command.js';

const SUBFOLDER = fileURLToPath(new URL('../../src/datasets', import.meta.url));

/** Nothing listens on port 1, and nobody has started a stack in an empty home. */
describe('an error of the millrace command', () => {
  let home: string;
  const run = (args: string[], env: Record<string, string> = {}) => millrace(args, { MILLRACE_HOME: home, TEMPORAL_ADDRESS: '127.0.0.1:1', ...env }, SUBFOLDER);

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-home-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it.each([
    [['status', 'last'], 4, 'millrace: no Temporal server at 127.0.0.1:1 (from Temporal\'s settings) — run npm start, or set TEMPORAL_ADDRESS\n'],
    [['show', 'ecommerce-dayly'], 3, 'millrace: there is no pipeline ecommerce-dayly — did you mean ecommerce-daily? See millrace list\n'],
    [['run', 'ecommerce-daily', '--date', 'yesterday'], 2, 'millrace: date "yesterday" is not a calendar day such as 2010-12-01 — see millrace run --help\n'],
    [['schedule', 'aply'], 2, "millrace: unknown command 'aply' (Did you mean apply?) — see millrace --help\n"],
    [['sql', 'DROP TABLE orders'], 2, 'millrace: DROP is not a statement that only reads — use one of SELECT, WITH, FROM, VALUES, TABLE, SHOW, DESCRIBE, DESC, EXPLAIN, SUMMARIZE\n'],
  ])('is one line with a remedy, and an exit code: %j', async (args, code, stderr) => {
    expect(await run(args)).toEqual({ code, stdout: '', stderr });
  });

  it('names a connection that is missing, and never the secret of one that is malformed', async () => {
    expect(await run(['sql', 'SELECT 1'])).toMatchObject({ code: 5, stdout: '', stderr: expect.stringMatching(/^millrace: MILLRACE_CONN_WAREHOUSE .*not set.* — .*\n$/) as string });
    const malformed = await run(['sql', 'SELECT 1'], { MILLRACE_CONN_WAREHOUSE: 'postgres://etl:pass#word-551@db/shop' });
    expect(malformed.code).toBe(5);
    expect(malformed.stderr).not.toContain('word-551');
  });

  it('has a stack only with --debug', async () => {
    const { code, stderr } = await run(['show', 'nothing', '--debug']);
    expect(code).toBe(3);
    expect(stderr.split('\n')[0]).toBe('millrace: there is no pipeline nothing — see millrace list');
    expect(stderr).toMatch(/\n\s+at /);
  });
});
