import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import type { StartReport } from '../../scripts/start/report.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const RETAIL = join(process.env['MILLRACE_SHARED_DATA'] ?? resolve('../shared/data'), 'online-retail', 'by-day');

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

describeWithServer('npm start', locateTemporal, () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-start-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  /** What `npm start` runs, in a home of the test's own. */
  async function npmStart(...args: string[]): Promise<Ended> {
    const child = spawn(process.execPath, ['dist/scripts/start.js', ...args], { env: { ...process.env, MILLRACE_HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((done) => child.once('exit', done));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, stdout, stderr };
  }

  async function published(): Promise<string> {
    const warehouse = createDuckDBWarehouse({ path: join(home, 'warehouse.duckdb'), limits: { memoryLimit: '256MB', threads: 1, scratchDir: home } });
    const { rows } = await warehouse.query('SELECT * FROM orders ORDER BY interval_start, line_no');
    await warehouse.close();
    return JSON.stringify(rows);
  }

  it('prints one JSON object and nothing else on stdout, exits with 0, and leaves nothing running', async () => {
    const { code, stdout, stderr } = await npmStart('--once', '--json', '--date', '2026-01-31');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const report = JSON.parse(stdout) as StartReport;
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(report).toMatchObject({ pipeline: 'ecommerce-daily', state: 'completed', run: 'ecommerce-daily-2026-01-31', interval: { start: '2026-01-31T00:00:00.000Z', end: '2026-02-01T00:00:00.000Z' } });
    const quarantined = Object.values(report.quarantined).reduce((sum, rows) => sum + rows, 0);
    expect(report.sources.sales?.rows).toBe(report.published! + quarantined);
    expect((await readdir(home)).filter((name) => name === 'stack.json')).toEqual([]);
  });

  it('leaves the same table when it runs the same day again', async () => {
    const before = await published();
    expect((await npmStart('--once', '--json', '--date', '2026-01-31')).code).toBe(0);
    expect(await published()).toBe(before);
  });

  it('prints plain lines without a terminal, with what came out and what to try next', async () => {
    const { code, stdout } = await npmStart('--date', '2026-01-31');
    expect(code).toBe(0);
    for (const part of ['extract.extractSales  succeeded', 'ecommerce-daily 2026-01-31 completed', 'missing_invoice', 'revenue by country', 'Web UI', 'npx millrace status ecommerce-daily-2026-01-31']) {
      expect(stdout).toContain(part);
    }
    expect(stdout).not.toContain('\u001B[');
  });

  it('exits with 1 and says why when the run fails, and with 2 when it is called wrongly', async () => {
    const failed = await npmStart('--once', '--json', '--date', '2026-01-31', '--data', home);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toContain('has no file named YYYY-MM-DD.csv');
    expect((await npmStart('--once', '--date', '31.1.2026')).code).toBe(2);
  });

  describe.skipIf(!existsSync(RETAIL))('with real files (skipped where shared/data/online-retail is absent)', () => {
    it('reports exactly what an independent reading of the file finds', async () => {
      for (const date of ['2010-12-01', '2011-04-18']) {
        const { code, stdout, stderr } = await npmStart('--once', '--json', '--data', RETAIL, '--date', date);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        const { sources, published: lines, quarantined, returns, revenue } = JSON.parse(stdout) as StartReport;
        expect({ read: sources.sales?.rows, lines, quarantined, returns, revenue }).toEqual(readIndependently(join(RETAIL, `${date}.csv`)));
      }
    });
  });
});

/** The cleaning rules once more, in exact integer arithmetic over thousandths, for files without malformed dates. */
function readIndependently(file: string): { read: number; lines: number; quarantined: Record<string, number>; returns: number; revenue: string } {
  const rows = parse<Record<string, string>>(readFileSync(file), { columns: true });
  const quarantined: Record<string, number> = {};
  let [lines, returns, thousandths] = [0, 0, 0n];
  for (const row of rows) {
    const invoice = row['InvoiceNo']!.trim().toUpperCase();
    const quantity = BigInt(row['Quantity']!);
    const [whole, fraction = ''] = row['UnitPrice']!.split('.');
    const price = BigInt(whole! + fraction.padEnd(3, '0'));
    const isReturn = invoice.startsWith('C');
    const reason =
      invoice === '' ? 'missing_invoice'
      : row['StockCode']!.trim() === '' ? 'missing_stock_code'
      : quantity === 0n ? 'bad_quantity'
      : price < 0n ? 'bad_price'
      : price === 0n ? 'zero_price'
      : quantity < 0n && !isReturn ? 'negative_quantity'
      : quantity > 0n && isReturn ? 'positive_return'
      : undefined;
    if (reason !== undefined) {
      quarantined[reason] = (quarantined[reason] ?? 0) + 1;
      continue;
    }
    lines += 1;
    if (isReturn) returns += 1;
    thousandths += quantity * price;
  }
  const digits = thousandths.toString().padStart(4, '0');
  const revenue = `${digits.slice(0, -3)}.${digits.slice(-3).replace(/0$/, '')}`;
  return { read: rows.length, lines, quarantined, returns, revenue };
}
