import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findProjectRoot } from '../../src/project-root.js';
import { locateTemporal } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';

const run = promisify(execFile);

/** What a copy of the checkout needs to compile, to be linted and to run a test. */
const COPIED = ['activities', 'docs', 'lambda', 'scripts', 'sql', 'src', 'templates', 'test', 'workers', 'workflows', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts', '.oxlintrc.json'];

describeWithServer('millrace new', locateTemporal, () => {
  const root = findProjectRoot();
  let copy: string;
  const millrace = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    run(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args], { cwd: copy }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  const tool = (...args: string[]): Promise<{ stdout: string }> => run(process.execPath, args, { cwd: copy, env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 16 * 1024 * 1024 });

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'millrace-new-'));
    for (const name of COPIED) await cp(join(root, name), join(copy, name), { recursive: true }).catch(() => undefined);
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('writes a pipeline that compiles, is clean for the linter, and passes the test that it came with', async () => {
    const { code, stdout } = await millrace('new', 'daily-returns', '--json');
    expect(code).toBe(0);
    const { created, changed } = JSON.parse(stdout) as { created: string[]; changed: string[] };
    expect(created).toEqual(expect.arrayContaining(['workflows/daily-returns.ts', 'activities/daily-returns/load.ts', 'sql/daily-returns/judged.sql', 'test/workflows/daily-returns.test.ts', 'docs/daily-returns.md']));
    expect(changed).toEqual(['workflows/index.ts', 'activities/index.ts', 'src/catalog.ts']);
    expect((await Promise.all(created.map((file) => readFile(join(copy, file), 'utf8')))).join('')).not.toContain('{{');

    await tool('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
    await tool('node_modules/oxlint/bin/oxlint', '--type-aware', ...created.filter((file) => file.endsWith('.ts')));
    const { stdout: results } = await tool('node_modules/vitest/vitest.mjs', 'run', 'test/workflows/daily-returns.test.ts', 'test/unit/import-rules.test.ts');
    expect(results).toMatch(/^\d+ passed, 0 failed, 0 skipped$/m);
  }, 300_000);

  it('refuses a name that is taken, or of which no workflow can be named, and changes nothing', async () => {
    const before = await readFile(join(copy, 'src/catalog.ts'), 'utf8');
    expect(await millrace('new', 'ecommerce-daily')).toMatchObject({ code: 6, stderr: expect.stringMatching(/there is workflows\/ecommerce-daily\.ts already|there is .*ecommerce-daily/) as string });
    expect(await millrace('new', 'Daily_Returns')).toMatchObject({ code: 2, stderr: expect.stringMatching(/cannot be the name of a pipeline/) as string });
    expect(await millrace('new', 'returns')).toMatchObject({ code: 2 });
    expect(await readFile(join(copy, 'src/catalog.ts'), 'utf8')).toBe(before);
  }, 60_000);
});
