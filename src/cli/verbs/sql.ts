import { EXIT_CODES } from '../exit-codes.js';
import { usageError } from '../cli-error.js';
import { positiveInteger } from '../find-run.js';
import { csvLines } from '../../csv/csv-lines.js';
import { readOnlyStatement } from '../read-only-sql.js';
import { defineVerb, type Verb } from '../verb.js';

export const sqlVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'sql <STATEMENT>',
    summary: 'ask the warehouse; reading only',
    details: 'Runs one SELECT, WITH, SHOW, DESCRIBE or EXPLAIN on MILLRACE_CONN_WAREHOUSE, also while a worker publishes. Numbers that JavaScript would round are printed as text.',
    examples: ["sql 'SELECT category, revenue FROM daily_revenue_by_category ORDER BY revenue DESC'", "sql 'SELECT * FROM orders' --limit 5", "sql 'FROM orders' --csv > orders.csv"],
  })
    .option('--limit <n>', 'at most so many rows; 100 on screen, everything with --csv')
    .option('--csv', 'comma-separated values with a header line')
    .action(
      act(async (cli, [text], { json, csv, limit }) => {
        if (json && csv) throw usageError('--json and --csv exclude each other', 'give one of them');
        const statement = readOnlyStatement(text!);
        const most = limit === undefined ? (csv ? undefined : 100) : positiveInteger('--limit', limit);
        // One more, to know whether there are more.
        const warehouse = (await cli.adapters()).warehouse();
        const result = await warehouse.query(statement, { signal: cli.interrupted, ...(most === undefined ? {} : { maxRows: most + 1 }) });
        const rows = result.rows.slice(0, most);
        const truncated = result.rows.length > rows.length;
        const { screen } = cli;
        if (json) screen.print(JSON.stringify({ columns: result.columns, rows, truncated }, undefined, 2));
        else if (csv) for (const line of csvLines(result.columns, rows)) screen.print(line);
        else screen.print(screen.table(result.columns.map((head) => ({ head, shrinksTo: 4 })), rows.map((row) => row.map((value) => (value === null ? { text: 'NULL', paint: screen.colors.dim } : String(value))))));
        if (truncated && !json) screen.remark(`more rows than ${most}: raise --limit`);
        return EXIT_CODES.OK;
      }),
    );
};
