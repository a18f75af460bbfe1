import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** In place of the compiler: copies `x.ts` to `dist/…/x.js`, refuses `BROKEN`, and counts its runs. */
const COMPILER = `
const { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
appendFileSync('compiled', 'x');
mkdirSync('dist/src', { recursive: true });
for (const name of readdirSync('src')) {
  const text = readFileSync('src/' + name, 'utf8');
  if (text.includes('BROKEN')) { console.log('src/' + name + '(1,1): error TS1: broken'); process.exit(2); }
  writeFileSync('dist/src/' + name.replace('.ts', '.js'), text);
}
`;

let root: string;

function write(file: string, text: string): void {
  mkdirSync(join(root, file, '..'), { recursive: true });
  writeFileSync(join(root, file), text);
}

function writeManifests(version: string): void {
  const dependencies = { typescript: 'file:compiler' };
  write('package.json', JSON.stringify({ name: 'millrace', version, dependencies }));
  const packages = { '': { name: 'millrace', version, dependencies }, compiler: { version: '1.0.0' }, 'node_modules/typescript': { resolved: 'compiler', link: true } };
  write('package-lock.json', JSON.stringify({ name: 'millrace', version, lockfileVersion: 3, requires: true, packages }));
}

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(...nodeOptions: string[]): { ended: Promise<Outcome>; said: (words: string) => Promise<void> } {
  const env = { ...process.env, npm_config_cache: join(root, '.npm'), npm_config_offline: 'true' };
  const child = spawn(process.execPath, [...nodeOptions, 'scripts/prestart.mjs'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text));
  const said = async (words: string): Promise<void> => {
    while (!outcome.stderr.includes(words)) await once(child.stderr, 'data');
  };
  return { ended: once(child, 'close').then(([code]) => ({ ...outcome, code: code as number | null })), said };
}

const prestart = (...nodeOptions: string[]): Promise<Outcome> => start(...nodeOptions).ended;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-prestart-'));
  for (const part of ['scripts/prestart.mjs', 'scripts/setup']) cpSync(part, join(root, part), { recursive: true });
  writeManifests('1.0.0');
  write('tsconfig.json', '{}');
  write('tsconfig.build.json', '{}');
  write('compiler/package.json', JSON.stringify({ name: 'typescript', version: '1.0.0' }));
  write('compiler/bin/tsc', COMPILER);
  write('src/one.ts', 'one');
  write('src/two.ts', 'two');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('npm start and npm test, before they start', () => {
  it('install packages and build, say so in one line each, and leave stdout alone', async () => {
    const { code, stdout, stderr } = await prestart();
    expect(stderr).toMatch(/^millrace: installing packages with npm ci: first start \(.*seconds\)\nmillrace: building \(.*seconds\)\n$/);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(existsSync(join(root, 'dist/src/one.js'))).toBe(true);
  });

  it('do nothing the second time', async () => {
    await prestart();
    expect(await prestart()).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('build again, and do not install, when a source has changed', async () => {
    await prestart();
    write('src/one.ts', 'another');
    expect((await prestart()).stderr).toMatch(/^millrace: building .*\n$/);
  });

  it('leave nothing in the build of a source that is gone', async () => {
    await prestart();
    rmSync(join(root, 'src/two.ts'));
    await prestart();
    expect(readdirSync(join(root, 'dist/src'))).toEqual(['one.js']);
  });

  it('install again when package-lock.json has changed, or when an installation did not end', async () => {
    await prestart();
    write('compiler/package.json', JSON.stringify({ name: 'typescript', version: '2.0.0' }));
    const lock = { name: 'millrace', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'millrace', version: '1.0.0', dependencies: { typescript: 'file:compiler' } }, compiler: { version: '2.0.0' }, 'node_modules/typescript': { resolved: 'compiler', link: true } } };
    write('package-lock.json', JSON.stringify(lock));
    expect((await prestart()).stderr).toContain('installing packages with npm ci: package-lock.json has changed');

    for (const record of ['.package-lock.json', '.millrace-installed']) rmSync(join(root, 'node_modules', record));
    expect((await prestart()).stderr).toContain('the last installation did not end');
  });

  it('take an npm ci by hand for good', async () => {
    await prestart();
    rmSync(join(root, 'node_modules/.millrace-installed'));
    expect((await prestart()).stderr).toBe('');
  });

  it('fail with what the compiler says and what to do, every time until it is corrected', async () => {
    write('src/one.ts', 'BROKEN');
    for (let round = 0; round < 2; round += 1) {
      const { code, stdout, stderr } = await prestart();
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/the build failed:\n\s+src\/one\.ts\(1,1\): error TS1: broken\nCorrect what the compiler names/);
    }
    write('src/one.ts', 'one');
    expect((await prestart()).code).toBe(0);
  });

  it('fail with what npm says and what to do', async () => {
    write('package-lock.json', JSON.stringify({ name: 'millrace', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'millrace' } } }));
    const { code, stdout, stderr } = await prestart();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/npm ci failed:\n.*npm error code EUSAGE[\s\S]*Check that the network and npm's registry can be reached/);
  });

  it('wait for another one in the same checkout instead of doing it twice', async () => {
    const outcomes = await Promise.all([prestart(), prestart(), prestart()]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outcomes.filter(({ stderr }) => stderr.includes('installing packages'))).toHaveLength(1);
    expect(outcomes.filter(({ stderr }) => stderr.includes('building ('))).toHaveLength(1);
  });

  it('say for whom they wait', async () => {
    write('.millrace/prepare.lock', String(process.pid));
    const { ended, said } = start();
    await said(`process ${process.pid} is installing or building here already: waiting for it`);
    rmSync(join(root, '.millrace/prepare.lock'));
    expect((await ended).code).toBe(0);
  });

  it('are not stopped by the lock of a process that was killed', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    write('.millrace/prepare.lock', String(dead.pid));
    expect((await prestart()).code).toBe(0);
    expect(readdirSync(join(root, '.millrace'))).toEqual([]);
  });

  it('say which Node they need when this one is too old', async () => {
    write('old.cjs', "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });");
    const { code, stderr } = await prestart('--require', join(root, 'old.cjs'));
    expect(code).toBe(1);
    expect(stderr).toBe('millrace: Millrace needs Node 20.19 or newer, and this is 20.18.3. Install a newer one from https://nodejs.org\n');
  });
});
