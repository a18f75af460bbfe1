import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DuckDBLimits } from '../../src/duckdb/duckdb.js';
import { isMillraceError } from '../../src/errors.js';
import { parseChecks } from '../../src/quality/checks.js';
import { createDuckDBWarehouse } from '../../src/warehouse/duckdb.js';
import { createPostgresWarehouse } from '../../src/warehouse/postgres.js';
import { locatePostgres, startPostgres } from '../servers/postgres.js';
import { locateRedshift, startRedshift } from '../servers/redshift.js';
import { describeWithServer } from '../support/with-server.js';
import { qualityContract, type WarehouseUnderTest } from './quality.contract.js';

const limitsIn = (folder: string): DuckDBLimits => ({ memoryLimit: '512MB', threads: 2, scratchDir: join(folder, 'scratch') });
const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-quality-'));

async function duckdb(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  const warehouse = createDuckDBWarehouse({ path: join(folder, 'warehouse.duckdb'), limits: limitsIn(folder) });
  return {
    warehouse,
    async stop() {
      await warehouse.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function postgres(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  const server = await startPostgres();
  const warehouse = createPostgresWarehouse({ ...server, limits: limitsIn(folder) });
  return {
    warehouse,
    async stop() {
      await warehouse.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function redshift(): Promise<WarehouseUnderTest> {
  const folder = await temporaryFolder();
  const stack = await startRedshift();
  const warehouse = stack.warehouse(limitsIn(folder));
  return {
    warehouse,
    async stop() {
      await warehouse.close();
      await stack.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

qualityContract('DuckDB', duckdb);
describeWithServer('with a PostgreSQL server', locatePostgres, () => qualityContract('PostgreSQL', postgres));
describeWithServer('with a Redshift Data API', locateRedshift, () => qualityContract('Redshift', redshift));

describe('definitions of checks', () => {
  function problemsOf(...definitions: readonly unknown[]): unknown {
    try {
      parseChecks(definitions);
    } catch (error) {
      if (isMillraceError(error) && error.code === 'BAD_PARAMS') return error.details?.['problems'];
      throw error;
    }
    return [];
  }

  const range = { name: 'day', severity: 'ERROR', kind: 'inRange', column: 'sold_at' };

  test('name every wrong check and field at once', () => {
    expect(
      problemsOf(
        { ...range, min: 'yesterday' },
        { severity: 'WARNING', kind: 'notNull', columns: [] },
        { ...range, name: 'no bound' },
        { name: 'columns', severity: 'WARN', kind: 'schema', columns: [{ name: 'a', type: 'int' }], where: 'true' },
      ),
    ).toEqual([
      'check "day": min: expected a number, a decimal such as "12.50", or an ISO 8601 date or time',
      'check number 2: name: expected string, received undefined',
      'check number 2: severity: Invalid option: expected one of "ERROR"|"WARN"',
      'check number 2: columns: Too small: expected array to have >=1 items',
      'check "no bound": has no bound',
      'check "columns": columns.0.type: expected text, boolean, integer, bigint, double, date, timestamp, or { decimal: [precision, scale] }',
      'check "columns": Unrecognized key: "where"',
    ]);
    expect(() => parseChecks([{ ...range, min: 'yesterday' }])).toThrow(/^Quality checks are badly defined; correct check "day": min: /);
  });

  test('are refused when two checks share a name or a kind is unknown', () => {
    expect(problemsOf({ ...range, min: 1 }, { ...range, max: 1 })).toEqual(['check "day": name: another check of this table has it']);
    expect(problemsOf({ name: 'a', severity: 'ERROR', kind: 'regex' })).toEqual([expect.stringMatching(/^check "a": kind: .*'notNull'/)]);
  });

  test.each([
    [{ ...range, min: 1, minExclusive: 1 }, 'minExclusive: give min or minExclusive, not both'],
    [{ ...range, max: Number.NaN }, 'max: expected a number, a decimal such as "12.50", or an ISO 8601 date or time'],
    [{ ...range, max: `1${'0'.repeat(38)}` }, 'max: expected a number, a decimal such as "12.50", or an ISO 8601 date or time'],
    [{ ...range, max: '2010-02-30' }, 'max: expected a number, a decimal such as "12.50", or an ISO 8601 date or time'],
    [{ ...range, min: 1, where: '  ' }, 'where: Too small: expected string to have >=1 characters'],
    [{ name: 'day', severity: 'WARN', kind: 'unique', columns: ['a', 'a'] }, 'columns: names a column twice'],
    [{ name: 'day', severity: 'WARN', kind: 'rowCount' }, 'needs min, max or againstLast'],
    [{ name: 'day', severity: 'WARN', kind: 'rowCount', min: 2, max: 1 }, 'max: is less than min'],
    [{ name: 'day', severity: 'WARN', kind: 'completeness', column: 'a', min: 95 }, 'min: Too big: expected number to be <=1'],
    [{ name: 'day', severity: 'WARN', kind: 'freshness', column: 'a', maxAgeSeconds: 1, asOf: 'now' }, 'asOf: expected an ISO 8601 date or time such as "2010-12-01T00:00:00Z"'],
    [{ name: 'day', severity: 'WARN', kind: 'reconciles', what: { sum: 'a', count: true }, expected: 1, source: 's' }, 'what: expected { count: true } or { sum: SQL expression }'],
    [{ name: 'day', severity: 'WARN', kind: 'reconciles', what: { count: true }, expected: 1, source: 's', tolerance: -1 }, 'tolerance: is negative'],
    [{ name: 'day', severity: 'WARN', kind: 'customSql', sql: 'SELECT 1 FROM {{tabel}}' }, 'sql: has a placeholder other than {{table}}'],
  ])('%j is refused', (definition, problem) => {
    expect(problemsOf(definition)).toEqual([`check "day": ${problem}`]);
  });
});
