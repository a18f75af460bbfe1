import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { obtainTemporal } from '../../scripts/servers/obtain-temporal.js';
import { isAtLeast, TEMPORAL_CLI } from '../../scripts/servers/versions.js';

const GOOD = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';
const BUILT_BY_GO = 'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)';
const OLD = 'temporal version 1.4.0 (Server 1.28.0, UI 2.39.0)';

let folder: string;
let path: string;
let cached: string;
let env: NodeJS.ProcessEnv;
let lines: string[];
let downloads: { base: string; server: Server; answer: (url: string, response: ServerResponse) => void; asked: string[] };

/** A program that prints `text` whatever it is asked. */
async function program(file: string, text: string): Promise<string> {
  await writeFile(file, `#!/bin/sh\necho '${text}'\n`);
  await chmod(file, 0o755);
  return file;
}

/** A `go` whose `install` leaves a temporal that prints `text`, or that fails. */
async function fakeGo(text: string | undefined): Promise<void> {
  const made = `printf '#!/bin/sh\\necho "${text}"\\n' > "$GOBIN/temporal"`;
  await writeFile(join(path, 'go'), `#!/bin/sh\n${text === undefined ? "echo 'go: the proxy cannot be reached' >&2; exit 1" : made}\n`);
  await chmod(join(path, 'go'), 0o755);
}

async function archiveOf(text: string): Promise<Buffer> {
  const made = await mkdtemp(join(folder, 'archive-'));
  await program(join(made, 'temporal'), text);
  return execFileSync('tar', ['-czf', '-', '-C', made, 'temporal']);
}

function offer(archive: Buffer, cut = archive.length): void {
  downloads.answer = (url, response) => {
    if (url.startsWith('/cli/')) {
      response.end(JSON.stringify({ archiveUrl: `${downloads.base}/archive.tar.gz`, fileToExtract: 'temporal' }));
      return;
    }
    response.setHeader('content-length', archive.length);
    if (cut === archive.length) response.end(archive);
    else response.write(archive.subarray(0, cut), () => response.destroy());
  };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-obtain-'));
  path = join(folder, 'path');
  cached = join(folder, 'cache', 'millrace', 'bin', `temporal-${TEMPORAL_CLI.version}`);
  await mkdir(path);
  for (const tool of ['sh', 'tar', 'gzip']) execFileSync('ln', ['-s', execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(path, tool)]);
  env = { PATH: path, XDG_CACHE_HOME: join(folder, 'cache'), GOBIN: join(folder, 'gobin') };
  lines = [];
  const server = createServer((request, response) => {
    downloads.asked.push(request.url ?? '');
    downloads.answer(request.url ?? '', response);
  });
  downloads = { base: '', server, asked: [], answer: (_url, response) => void response.writeHead(503).end() };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  downloads.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Go is also looked for where its installer puts it: this one comes first.
  await fakeGo(undefined);
});

afterEach(async () => {
  downloads.server.closeAllConnections();
  downloads.server.close();
  await rm(folder, { recursive: true, force: true });
});

const obtain = (more: NodeJS.ProcessEnv = {}): Promise<string> =>
  obtainTemporal({ log: (line) => lines.push(line), env: { ...env, ...more }, downloads: downloads.base });

const cacheContents = async (): Promise<string[]> => await readdir(join(folder, 'cache', 'millrace', 'bin')).catch(() => []);

describe('obtaining the Temporal dev server', () => {
  it.each([GOOD, BUILT_BY_GO])('takes the one on PATH when it is new enough: %s', async (version) => {
    const there = await program(join(path, 'temporal'), version);
    expect(await obtain()).toBe(there);
    expect(downloads.asked).toEqual([]);
  });

  it('passes by one on PATH that is too old, and keeps what it downloads for the next time', async () => {
    await program(join(path, 'temporal'), OLD);
    offer(await archiveOf(GOOD));
    expect(await obtain()).toBe(cached);
    expect(downloads.asked[0]).toMatch(/^\/cli\/v1\.5\.1\?platform=\w+&arch=\w+&format=tar\.gz$/);
    expect(lines).toEqual([expect.stringMatching(/downloading v1\.5\.1 from 127\.0\.0\.1:\d+ \(about .*minute.*\)/)]);

    downloads.asked = [];
    expect(await obtain()).toBe(cached);
    expect(downloads.asked).toEqual([]);
    expect(await cacheContents()).toEqual([`temporal-${TEMPORAL_CLI.version}`]);
  });

  it.each([
    ['ends before its announced length', async () => offer(await archiveOf(GOOD), 60)],
    ['is not an archive', () => Promise.resolve(offer(Buffer.from('<html>login first</html>')))],
    ['holds a program that does not run', async () => offer(await archiveOf("'; exit 3; '"))],
    ['holds a program that is too old', async () => offer(await archiveOf(OLD))],
  ])('does not keep a download that %s, and builds one instead', async (_what, prepare) => {
    await prepare();
    await fakeGo(BUILT_BY_GO);
    expect(await obtain()).toBe(cached);
    expect(lines).toEqual([expect.stringContaining('downloading'), expect.stringContaining('that failed'), expect.stringContaining('go install` (2-3 minutes, once)')]);
    expect(await cacheContents()).toEqual([`temporal-${TEMPORAL_CLI.version}`]);
  });

  it('replaces a cached one that does not run any more', async () => {
    await mkdir(join(cached, '..'), { recursive: true });
    await writeFile(cached, 'half a program');
    await chmod(cached, 0o755);
    offer(await archiveOf(GOOD));
    expect(await obtain()).toBe(cached);
    expect(execFileSync(cached, { encoding: 'utf8' }).trim()).toBe(GOOD);
  });

  it('lists, when nothing works, everything that was tried, why it failed, and what to install', async () => {
    await program(join(path, 'temporal'), OLD);
    const error = await obtain().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ProgramUnavailable' });
    const { message } = error as Error;
    expect(message).toContain(`${join(path, 'temporal')}: its server is 1.28.0, older than 1.29.1`);
    expect(message).toContain(`${cached}: is not there`);
    expect(message).toMatch(/downloading .*: 127\.0\.0\.1:\d+ answered 503/);
    expect(message).toMatch(/go install.*: go: the proxy cannot be reached/);
    expect(message).toContain('Install the Temporal CLI');
    expect(await cacheContents()).toEqual([]);
  });

  it('names a download server that cannot be reached and why', async () => {
    downloads.server.close();
    await expect(obtain()).rejects.toThrow(/127\.0\.0\.1:\d+ cannot be reached \(.*ECONNREFUSED/);
  });

  it('takes the one that a setting names, and nothing else when that one is wrong', async () => {
    await program(join(path, 'temporal'), GOOD);
    const other = await program(join(folder, 'mine'), BUILT_BY_GO);
    expect(await obtain({ MILLRACE_TEMPORAL_CLI: other })).toBe(other);
    await expect(obtain({ MILLRACE_TEMPORAL_CLI: join(folder, 'gone') })).rejects.toThrow(/MILLRACE_TEMPORAL_CLI names .*gone: there is no program/);
  });
});

describe('versions', () => {
  it.each([
    ['1.29.1', '1.29.1', true],
    ['1.30.0-148.4', '1.29.1', true],
    ['2.0.0', '1.29.1', true],
    ['1.29.0', '1.29.1', false],
    ['1.9.9', '1.29.1', false],
  ])('%s is at least %s: %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected);
  });
});
