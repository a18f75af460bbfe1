import { expect, it } from 'vitest';
import { readOnlyStatement } from '../../src/cli/read-only-sql.js';

it.each([
  'SELECT 1',
  '  select * from orders;  ',
  'WITH x AS (SELECT 1) SELECT * FROM x',
  'FROM orders LIMIT 3',
  "SELECT 'DELETE FROM orders; DROP TABLE x' AS text",
  'SELECT "update" FROM t -- delete; this',
  '/* insert */ SHOW TABLES',
  'EXPLAIN SELECT 1',
])('lets pass: %s', (sql) => {
  expect(readOnlyStatement(sql)).toBe(sql.trim().replace(/;$/, ''));
});

it.each([
  'DELETE FROM orders',
  'WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone',
  'SELECT * INTO copy_of_orders FROM orders',
  'EXPLAIN ANALYZE INSERT INTO t VALUES (1)',
  'SELECT 1; DROP TABLE orders',
  'SELECT * FROM orders FOR UPDATE',
  "COPY orders TO '/tmp/x.csv'",
  'PRAGMA database_list',
  "ATTACH 'other.duckdb'",
  '',
  '-- nothing',
])('refuses: %s', (sql) => {
  expect(() => readOnlyStatement(sql)).toThrow(/only reads|only reading|no statement|more than one/);
});
