import { checkConnections, type ConnectionRow } from '../../connections/check.js';
import type { Cli } from '../cli.js';
import { EXIT_CODES } from '../exit-codes.js';
import { defineVerb, type Verb } from '../verb.js';

export const connectionsVerb: Verb = (parent, act) => {
  const connections = parent.command('connections').summary('what the pipelines connect to').description('what the pipelines connect to (MILLRACE_CONN_…)');
  defineVerb(connections, {
    usage: 'check',
    summary: 'try every connection and say what to do about those that fail',
    details: 'Settings come from the environment, then the profile (MILLRACE_PROFILE), then the running npm start. Secrets are never printed.',
    examples: ['connections check', "connections check --json | jq '.[] | select(.ok | not)'"],
  }).action(
    act(async (cli, _args, { json }) => {
      const rows = await checkConnections(cli.connections(), (await cli.adapters()).byName);
      // What is wrong with settings as a whole (a profile that cannot be read) belongs to no row.
      const others = cli.connections().problems.filter(({ setting }) => !rows.some((row) => row.setting === setting));
      if (json) cli.screen.print(JSON.stringify(rows, undefined, 2));
      else cli.screen.print(connectionTable(cli, rows));
      for (const { setting, message } of others) cli.screen.remark(`${setting} ${message}`);
      return rows.every(({ ok }) => ok) && others.length === 0 ? EXIT_CODES.OK : EXIT_CODES.FAILED;
    }),
  );
};

function connectionTable({ screen }: Cli, rows: readonly ConnectionRow[]): string {
  const { colors } = screen;
  const columns = [{ head: 'CONNECTION' }, { head: 'STATE' }, { head: 'FROM' }, { head: 'ADDRESS', shrinksTo: 12 }, { head: 'MESSAGE', shrinksTo: 0 }];
  const cells = rows.map(({ setting, ok, source, description, message }) => [
    setting.replace('MILLRACE_CONN_', ''),
    ok ? { text: 'ok', paint: colors.green } : { text: 'fail', paint: colors.red },
    source ?? 'nowhere',
    description ?? '',
    message,
  ]);
  const remedies = rows.filter(({ ok }) => !ok).map(({ setting, message, remedy }) => `${colors.red(setting)}: ${message}${remedy === undefined ? '' : `\n  ${remedy}`}`);
  return [screen.table(columns, cells), ...(remedies.length === 0 ? [] : ['', ...remedies])].join('\n');
}
