import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { obtainCompose } from '../../scripts/servers/obtain-compose.js';
import { loadConnections } from '../../src/connections/connections.js';
import { KNOWN_CONNECTIONS, OPTIONAL_CONNECTIONS } from '../../src/connections/known-connections.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/steps/search-attributes.js';
import { describeWithServer, ServerUnavailable } from '../support/with-server.js';

interface Service {
  image?: string;
  restart?: string;
  command?: string[];
  build?: unknown;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}

const text = readFileSync('docker-compose.yml', 'utf8');
const file = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(file.services);

/** Services that end when their work is done. */
const ONE_SHOT = new Set(services.filter(([, { restart }]) => restart === 'on-failure').map(([name]) => name));

/** `${NAME:?…}` and `${NAME}` */
const VARIABLE = /\$\{([A-Z0-9_]+)(:?[?-][^}]*)?\}/g;

const compose = await obtainCompose({ log: () => {}, lookOnly: true }).catch((error: unknown) => error as Error);

describe('docker-compose.yml', () => {
  it('has every part of the full stack', () => {
    expect(Object.keys(file.services).sort()).toEqual(['demo-sources', 'dynamodb', 'kafka', 'kafka-topic', 'mail', 'mysql', 's3', 'search-attributes', 'temporal', 'temporal-db', 'temporal-ui', 'warehouse', 'worker']);
  });

  it('gives every service that stays a health check', () => {
    expect(services.filter(([name]) => !ONE_SHOT.has(name)).filter(([, { healthcheck }]) => (healthcheck?.test.length ?? 0) < 2).map(([name]) => name)).toEqual([]);
  });

  it('registers the search attributes of runs before a worker starts', () => {
    expect(file.services['search-attributes']?.command).toEqual(SEARCH_ATTRIBUTE_NAMES.flatMap((name) => [`--name=${name}`, '--type=Keyword']));
  });

  it('pins the version of every image that is not built here', () => {
    const pulled = services.filter(([, { build }]) => build === undefined).map(([, { image }]) => image ?? 'none');
    expect(pulled.filter((image) => !/^[\w./-]+:v?\d+\.\d+(\.\d+)?$/.test(image))).toEqual([]);
  });

  it('publishes every port on the loopback interface, where it can be moved', () => {
    const published = services.flatMap(([, { ports }]) => ports ?? []);
    expect(published.length).toBeGreaterThan(5);
    expect(published.filter((port) => !/^127\.0\.0\.1:\$\{PORT_[A-Z0-9_]+:-\d+\}:\d+$/.test(port))).toEqual([]);
  });

  it('starts nothing before what it needs is there and healthy, or done', () => {
    const needs = services.flatMap(([, { depends_on: needed }]) => Object.entries(needed ?? {}));
    expect(needs.filter(([name, { condition }]) => condition !== (ONE_SHOT.has(name) ? 'service_completed_successfully' : 'service_healthy') || file.services[name] === undefined)).toEqual([]);
  });

  it('has no password, token or key of its own, also not in a URI', () => {
    const literals = services.flatMap(([, { environment }]) => Object.entries(environment ?? {}).map(([name, value]) => [name, value.replaceAll(VARIABLE, '')] as const));
    const secrets = literals.map(([name, literal]) => (/PASSWORD|PWD|SECRET|TOKEN|KEY/.test(name) ? literal : (/^\w+:\/\/[^/@?]*:([^/@?]*)@/.exec(literal)?.[1] ?? '')));
    expect(secrets.filter((secret) => secret !== '')).toEqual([]);
    expect(literals.length).toBeGreaterThan(20);
  });

  it('gives no secret a default value', () => {
    const defaults = [...text.matchAll(VARIABLE)].filter(([, name, rest]) => !name!.startsWith('PORT_') && rest?.includes('-') === true && !rest.startsWith(':?'));
    expect(defaults).toEqual([]);
  });

  it('keeps what must last in named volumes', () => {
    const mounted = services.flatMap(([, service]) => (service.volumes ?? []).map((volume) => volume.split(':')[0]));
    expect(new Set(mounted)).toEqual(new Set(['temporal-db', 'warehouse', 'mysql', 's3', 'kafka']));
    expect(new Set(mounted)).toEqual(new Set(Object.keys(file.volumes)));
  });

  it('names every variable in .env.example, and none besides', () => {
    const example = readFileSync('.env.example', 'utf8');
    const named = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);
    const used = new Set([...text.matchAll(VARIABLE)].map(([, name]) => name));
    expect(new Set(named)).toEqual(used);
  });
});

describe('the image', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');

  it('is made from one pinned base and does not run as root', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:22\.\d+\.\d+-slim$/);
    expect(dockerfile.slice(dockerfile.lastIndexOf('\nFROM'))).toMatch(/^USER node$/m);
  });

  it('gets nothing but what it copies: no .env, no .git, no node_modules', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));
    expect(ignored[0]).toBe('*');
    expect(new Set(ignored.slice(1))).toEqual(new Set([...copied.map((source) => `!${source}`), 'scripts/bench']));
  });

  it('is built of folders that import nothing from elsewhere in the project', () => {
    const copied = ['activities', 'lambda', 'scripts', 'src', 'workers', 'workflows'];
    const sources = copied.flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)));
    const imports = sources
      .filter((source) => source.endsWith('.ts') && !source.startsWith(join('scripts', 'bench')))
      .flatMap((source) => [...readFileSync(source, 'utf8').matchAll(/from '(\.[^']+)'/g)].map(([, target]) => join(dirname(source), target!)));
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter((target) => !copied.includes(target.split(sep)[0]!) || target.startsWith(join('scripts', 'bench')))).toEqual([]);
  });
});

describeWithServer(
  'docker compose config',
  () => {
    if (compose instanceof Error) throw new ServerUnavailable(compose.message.split('\n').at(-1) ?? compose.message);
  },
  () => {
    let folder: string;
    let env: NodeJS.Dict<string>;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'));
      for (const name of ['docker-compose.yml', '.env.example', 'scripts/make-env.mjs']) cpSync(name, join(folder, name));
      execFileSync(process.execPath, ['scripts/make-env.mjs'], { cwd: folder });
      env = parseEnv(readFileSync(join(folder, '.env'), 'utf8'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function config(...more: string[]): { status: number | null; stdout: string; stderr: string } {
      const [program, ...args] = compose as readonly [string, ...string[]];
      const { PATH, HOME } = process.env;
      return spawnSync(program, [...args, '--file', join(folder, 'docker-compose.yml'), ...more, 'config', '--format', 'json'], { encoding: 'utf8', env: { PATH, HOME } });
    }

    it('accepts the file with the passwords that make-env made, and warns of nothing', () => {
      const { status, stderr } = config();
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(new Set(Object.values(env)).size).toBe(Object.keys(env).length);
      expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    });

    it('refuses to start without them, and says what to do', () => {
      const { status, stderr } = config('--env-file', '/dev/null');
      expect(status).not.toBe(0);
      expect(stderr).toContain('run node scripts/make-env.mjs');
    });

    it('gives the worker every connection that pipelines ask for, each well-formed, and demo-sources the same sources', () => {
      const { services: resolved } = JSON.parse(config().stdout) as { services: Record<string, { environment: Record<string, string> }> };
      const worker = resolved['worker']!.environment;
      const connections = loadConnections({ env: worker, root: folder });
      expect(connections.problems).toEqual([]);
      const asked = Object.entries(KNOWN_CONNECTIONS).filter(([name]) => !OPTIONAL_CONNECTIONS.has(name));
      for (const [name, role] of asked) expect(connections.get(name, role)).toBeDefined();
      expect(worker).toMatchObject(Object.fromEntries(Object.entries(resolved['demo-sources']!.environment).filter(([name]) => name.startsWith('MILLRACE_CONN_'))));
    });
  },
);
