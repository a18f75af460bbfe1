import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConnections, type Connections } from '../../src/connections/connections.js';
import { SCHEMES } from '../../src/connections/schemes.js';
import { isMillraceError, type MillraceError } from '../../src/errors.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-connections-'));
  mkdirSync(join(root, 'profiles'));
  mkdirSync(join(root, '.millrace'));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (file: string, ...lines: string[]): void => writeFileSync(join(root, file), lines.join('\n'));
const load = (env: Record<string, string> = {}, more: { profileFile?: string; stackFile?: string } = {}): Connections => loadConnections({ env, root, ...more });

function thrown(work: () => unknown): MillraceError {
  try {
    work();
  } catch (error) {
    if (isMillraceError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('connections', () => {
  it('come from the environment before the profile, and from the running stack last', () => {
    write('profiles/prod.env', 'MILLRACE_CONN_LAKE=file:///profile', 'MILLRACE_CONN_CLICKS="file:///profile/clicks"', 'OTHER=1');
    write('.millrace/connections.env', 'MILLRACE_CONN_LAKE=file:///stack', 'MILLRACE_CONN_CLICKS=file:///stack', 'MILLRACE_CONN_WAREHOUSE=duckdb:///stack.duckdb');
    const connections = load({ MILLRACE_PROFILE: 'prod', MILLRACE_CONN_LAKE: 'file:///environment', PATH: '/bin' });
    expect(connections.settings).toEqual([
      { name: 'CLICKS', source: 'profile', scheme: 'file', description: 'file:///profile/clicks' },
      { name: 'LAKE', source: 'environment', scheme: 'file', description: 'file:///environment' },
      { name: 'WAREHOUSE', source: 'stack', scheme: 'duckdb', description: 'duckdb:///stack.duckdb' },
    ]);
    expect(connections.get('LAKE', 'object-store')).toEqual({ scheme: 'file', root: '/environment' });
    expect(connections.problems).toEqual([]);
  });

  it('that are empty are missing, and the next place counts', () => {
    write('.millrace/connections.env', 'MILLRACE_CONN_LAKE=file:///stack', 'MILLRACE_CONN_CLICKS=');
    const connections = load({ MILLRACE_CONN_LAKE: '  ', MILLRACE_CONN_SALES: '' });
    expect(connections.get('LAKE', 'object-store')).toEqual({ scheme: 'file', root: '/stack' });
    expect(thrown(() => connections.get('SALES', 'sql-source')).code).toBe('CONNECTION_MISSING');
    expect(thrown(() => connections.get('CLICKS', 'object-store')).code).toBe('CONNECTION_MISSING');
    expect(connections.problems).toEqual([]);
  });

  it('find a profile by its name, by a path below the project, and by an absolute path', () => {
    write('profiles/prod.env', 'MILLRACE_CONN_LAKE=file:///here');
    for (const profile of ['prod', 'profiles/prod.env', './profiles/prod.env', join(root, 'profiles/prod.env')]) {
      expect(load({ MILLRACE_PROFILE: profile }).settings).toMatchObject([{ name: 'LAKE', source: 'profile' }]);
      expect(load({}, { profileFile: profile }).settings).toMatchObject([{ name: 'LAKE', source: 'profile' }]);
    }
  });

  it('read a profile with a byte order mark, comments, quotes and Windows line ends', () => {
    writeFileSync(join(root, 'profiles/prod.env'), '\uFEFFMILLRACE_CONN_LAKE=file:///a # the lake\r\n# none\r\nexport MILLRACE_CONN_CLICKS=\'file:///b\'\r\n');
    const connections = load({ MILLRACE_PROFILE: 'prod' });
    expect(connections.settings.map(({ description }) => description)).toEqual(['file:///b', 'file:///a']);
  });

  it('do not fall back to the stack when the profile that was asked for is not there', () => {
    write('profiles/prod.env', '');
    write('profiles/full.env', '');
    write('.millrace/connections.env', 'MILLRACE_CONN_WAREHOUSE=duckdb:///demo.duckdb');
    const connections = load({ MILLRACE_PROFILE: 'prdo' });
    expect(connections.problems).toEqual([{ setting: 'MILLRACE_PROFILE', message: 'names profiles/prdo.env, which cannot be read. There are: full, prod.' }]);
    const error = thrown(() => connections.get('WAREHOUSE', 'warehouse'));
    expect(error.code).toBe('CONNECTION_MISSING');
    expect(error.message).toContain('the profile profiles/prdo.env (which cannot be read)');
  });

  it('report a profile with a line that is no setting, without its content', () => {
    write('profiles/prod.env', 'the password is hunter2', 'MILLRACE_CONN_LAKE=file:///a');
    const { problems } = load({ MILLRACE_PROFILE: 'prod' });
    expect(problems).toEqual([{ setting: 'MILLRACE_PROFILE', message: 'names profiles/prod.env, which has a line that is not NAME=value' }]);
  });

  it('take the stack from MILLRACE_HOME, absolute or below the project', () => {
    mkdirSync(join(root, 'elsewhere'));
    write('elsewhere/connections.env', 'MILLRACE_CONN_LAKE=file:///elsewhere');
    for (const home of ['elsewhere', join(root, 'elsewhere')]) expect(load({ MILLRACE_HOME: home }).settings).toMatchObject([{ name: 'LAKE', source: 'stack' }]);
  });

  it('that are missing say what was looked for, where, and give an example', () => {
    write('profiles/prod.env', '');
    const error = thrown(() => load({ MILLRACE_PROFILE: 'prod' }).get('LAKE', 'object-store'));
    expect(error.code).toBe('CONNECTION_MISSING');
    expect(error.retryable).toBe(false);
    expect(error.message).toBe(
      'MILLRACE_CONN_LAKE (object store) is not set. Looked in: the environment; the profile profiles/prod.env; the running stack (there is none; npm start starts one). ' +
        'Set it, for example MILLRACE_CONN_LAKE=file:///data/lake, and start the worker again.',
    );
    expect(error.details).toEqual({ setting: 'MILLRACE_CONN_LAKE', role: 'object-store' });
  });

  it('that are malformed are all reported together, and each fails only who asks for it', () => {
    write('profiles/prod.env', 'MILLRACE_CONN_MAIL=smtp://u:hunter#two@m?from=a@b&to=c@d');
    const connections = load({ MILLRACE_PROFILE: 'prod', MILLRACE_CONN_SALES: 'mysql://u:hunter@h', MILLRACE_CONN_LAKE: 'lake', MILLRACE_CONN_CLICKS: 'file:///ok', MILLRACE_CONN_own: 'file:///x' });
    expect(connections.problems.map(({ setting }) => setting)).toEqual(['MILLRACE_CONN_own', 'MILLRACE_CONN_LAKE', 'MILLRACE_CONN_MAIL', 'MILLRACE_CONN_SALES']);
    expect(connections.problems.find(({ setting }) => setting.endsWith('MAIL'))?.message).toContain('in double quotes');
    expect(connections.get('CLICKS', 'object-store')).toEqual({ scheme: 'file', root: '/ok' });
    const error = thrown(() => connections.get('SALES', 'sql-source'));
    expect(error.code).toBe('CONNECTION_MALFORMED');
    expect(error.message).toBe(
      'MILLRACE_CONN_SALES (from the environment) names no database. Correct it, for example MILLRACE_CONN_SALES=mysql://USER:PASSWORD@db.example.com:3306/shop?timezone=Europe/London&ssl=true, and start the worker again.',
    );
  });

  it('of a name that nobody here knows are read by their scheme, and can be asked for in any role that has it', () => {
    const connections = load({ MILLRACE_CONN_ARCHIVE: 'duckdb:///archive.duckdb', MILLRACE_CONN_QUEUE: 'mqtt://h' });
    expect(connections.problems).toEqual([
      { setting: 'MILLRACE_CONN_QUEUE', message: 'has no known scheme. Known are: cloudwatch, duckdb, dynamodb, file, http, https, kafka, lambda, mysql, pagerduty, postgres, postgresql, process, redshift-data, s3, smtp, smtps.' },
    ]);
    expect(connections.get('ARCHIVE', 'warehouse')).toEqual({ scheme: 'duckdb', path: '/archive.duckdb' });
    expect(connections.get('ARCHIVE', 'sql-source')).toEqual({ scheme: 'duckdb', path: '/archive.duckdb', timezone: 'UTC' });
    expect(thrown(() => connections.get('ARCHIVE', 'mail')).code).toBe('CONNECTION_MALFORMED');
  });

  it('are read once: what changes afterwards changes nothing', () => {
    const env: Record<string, string> = { MILLRACE_CONN_LAKE: 'file:///before' };
    const connections = loadConnections({ env, root });
    env['MILLRACE_CONN_LAKE'] = 'file:///after';
    expect(connections.get('LAKE', 'object-store')).toEqual({ scheme: 'file', root: '/before' });
  });

  it('accept every example that messages give', () => {
    for (const [role, schemes] of Object.entries(SCHEMES)) {
      for (const { example } of Object.values(schemes)) {
        expect(() => load({ MILLRACE_CONN_X: example }).get('X', role as keyof typeof SCHEMES)).not.toThrow();
      }
    }
  });
});
