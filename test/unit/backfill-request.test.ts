import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/catalog.js';
import { backfillRequest, type BackfillAsked } from '../../src/cli/backfill.js';
import { createProgram } from '../../src/cli/program.js';

const pipeline = CATALOG[0]!;
const ASKED: BackfillAsked = { from: '2010-12-01', to: '2010-12-23', parallel: '4', only: 'missing', newestFirst: false, param: [] };

describe('millrace backfill', () => {
  it('asks for what was typed', async () => {
    expect(await backfillRequest(pipeline, { ...ASKED, param: ['allowEmpty=["clicks"]'] })).toEqual({
      pipeline: 'ecommerce-daily',
      from: '2010-12-01',
      to: '2010-12-23',
      only: 'missing',
      newestFirst: false,
      parallel: 4,
      params: { allowEmpty: ['clicks'] },
    });
  });

  it.each([
    [{ from: '2010-12-32' }, /from "2010-12-32" is not a calendar day/],
    [{ to: '2010-11-30' }, /to 2010-11-30 is before from 2010-12-01/],
    [{ from: '1950-01-01' }, /more than 10000 intervals/],
    [{ only: 'mising' }, /--only mising is unknown/],
    [{ parallel: '0' }, /not a positive whole number/],
    [{ parallel: '51' }, /--parallel 51 is too many/],
    [{ param: ['allowempty=[]'] }, /no parameter allowempty/],
  ])('refuses %o before anything is started', async (change, message) => {
    await expect(backfillRequest(pipeline, { ...ASKED, ...change })).rejects.toThrow(message);
  });

  it.each([
    ['list --json', { json: true }],
    ['ecommerce-daily --json --from 2010-12-01', { json: true, from: '2010-12-01' }],
    ['pause last --why lunch', { why: 'lunch' }],
  ])('%s: gives options to the verb that they stand behind', async (line, options) => {
    let seen: unknown;
    const program = createProgram(() => async (...args) => {
      seen = (args.at(-1) as { opts(): unknown }).opts();
    });
    await program.parseAsync(['backfill', ...line.split(' ')], { from: 'user' });
    expect(seen).toMatchObject(options);
  });
});
