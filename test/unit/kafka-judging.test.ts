import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StagedRows } from '../../activities/kafka-signups/staged-rows.js';
import { generateSignups } from '../../src/demo/generate-signups.js';
import type { IncomingMessage } from '../../src/kafka/message-log.js';

const DAY = { label: '2026-01-31', start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' };
const FEW = 100;
/** Worth a thread. */
const MANY = 1_000_000;

const messages: IncomingMessage[] = [...generateSignups({ ...DAY, count: 3000, malformed: 0.2 })].map(({ key, value }, index) => ({
  offset: String(2 ** 40 + index),
  timestamp: '1769817600000',
  key: Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: { origin: Buffer.from('test') },
}));

describe('messages that are staged', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-judging-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const stage = async (expected: number, batch: number) => {
    const home = await mkdtemp(join(folder, 'run-'));
    const rows = new StagedRows(home, 'signups', expected);
    try {
      for (let from = 0; from < messages.length; from += batch) await rows.add((from / batch) % 2, messages.slice(from, from + batch));
      await rows.settled();
      const csv = join(home, 'signups.csv');
      await rows.writeCsv(csv);
      const quarantine: unknown[] = [];
      for await (const some of rows.quarantineRows()) quarantine.push(...some);
      return { csv: await readFile(csv, 'utf8'), quarantine, staged: rows.staged, quarantined: rows.quarantined, reasons: rows.reasons };
    } finally {
      await rows.close();
    }
  };

  it('are the same, byte for byte, whether they were judged in a thread or not', async () => {
    const here = await stage(FEW, 100);
    expect(here.staged + here.quarantined).toBe(messages.length);
    expect(here.quarantine).toHaveLength(here.quarantined);
    expect(here.csv).toContain(`,${2 ** 40 + 1}\r\n`);
    expect(await stage(MANY, 100)).toEqual(here);
  }, 60_000);

  it('are set aside with all that is known of them, and with every byte', async () => {
    const { quarantine } = await stage(FEW, messages.length);
    const refused = messages.filter(({ offset }) => quarantine.some((row) => (row as string[])[4] === offset));
    expect(quarantine).toEqual(
      refused.map(({ offset, key, value }) => [
        'signups',
        expect.stringMatching(/^[a-z_0-9]+$/),
        expect.any(String),
        '0',
        offset,
        '2026-01-31T00:00:00.000Z',
        key!.toString(),
        '{"origin":"test"}',
        value?.toString('base64') ?? null,
        JSON.stringify({ partition: 0, offset: Number(offset), value: value?.toString() ?? null }),
      ]),
    );
    expect(refused.length).toBeGreaterThan(300);
  });

  it('are counted when they are written, and an error on the way is told and not swallowed', async () => {
    const rows = new StagedRows(join(folder, 'not-there'), 'signups', FEW);
    await expect(rows.add(0, messages.slice(0, 10)).then(() => rows.settled())).rejects.toMatchObject({ code: 'ENOENT' });
    expect(rows.staged).toBe(0);
    await expect(rows.add(0, messages.slice(10, 20))).rejects.toMatchObject({ code: 'ENOENT' });
    await rows.close();
  });

  it('can be given up in the middle', async () => {
    const rows = new StagedRows(folder, 'signups', MANY);
    await rows.add(0, messages);
    await rows.close();
    expect(rows.staged === 0 || rows.staged + rows.quarantined === messages.length).toBe(true);
  }, 60_000);
});
