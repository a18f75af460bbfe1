import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { obtainMoto } from '../../scripts/servers/obtain-moto.js';
import { MOTO } from '../../scripts/servers/versions.js';

describe.skipIf(process.platform === 'win32')('the Python of the CloudWatch server', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let lines: string[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-moto-'));
    env = { PATH: join(folder, 'path'), XDG_CACHE_HOME: join(folder, 'cache'), HOME: folder };
    lines = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const obtain = (options: { lookOnly?: boolean } = {}): Promise<string> => obtainMoto({ log: (line) => lines.push(line), env, ...options });
  const cached = (): string => join(folder, 'cache', 'millrace', 'bin', `moto-${MOTO.version}`, 'bin', 'python');

  /** Says its version, makes an environment with itself in it, and installs what pip is asked for, unless it cannot. */
  async function python(file: string, { version = '3.11.2', venv = true, pip = true, imports = true } = {}): Promise<string> {
    const script = `#!/bin/sh
case "$*" in
  --version) echo "Python ${version}" ;;
  *ensurepip*) ${venv ? 'exit 0' : 'echo "No module named ensurepip" >&2; exit 1'} ;;
  "-m venv "*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
  "-m pip "*) ${pip ? 'exit 0' : 'echo "no network" >&2; exit 1'} ;;
  *import*) ${imports ? 'exit 0' : 'echo "No module named moto" >&2; exit 1'} ;;
esac
`;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, script);
    await chmod(file, 0o755);
    return file;
  }

  it('is an environment in the cache folder, made once', async () => {
    await python(join(folder, 'path', 'python3'));
    expect(await obtain()).toBe(cached());
    expect(lines).toEqual([expect.stringContaining(`installing moto ${MOTO.version}`)]);
    expect(await obtain()).toBe(cached());
    expect(lines).toHaveLength(1);
  });

  it('is what MILLRACE_MOTO names, and no other', async () => {
    await python(join(folder, 'path', 'python3'));
    env['MILLRACE_MOTO'] = await python(join(folder, 'mine'));
    expect(await obtain()).toBe(env['MILLRACE_MOTO']);
    env['MILLRACE_MOTO'] = await python(join(folder, 'bare'), { imports: false });
    await expect(obtain()).rejects.toThrow(/No module named moto[\s\S]*MILLRACE_MOTO/);
    expect(lines).toEqual([]);
  });

  it('is not made where it is only looked for', async () => {
    await python(join(folder, 'path', 'python3'));
    await expect(obtain({ lookOnly: true })).rejects.toThrow(/is not there[\s\S]*Install Python/);
    expect(lines).toEqual([]);
  });

  it.each([
    ['without a Python', undefined, /there is no python3[\s\S]*Install Python/],
    ['with one that is too old', { version: '3.9.2' }, /is version 3\.9\.2, and 3\.10 is needed/],
    ['with one that has no venv', { venv: false }, /No module named ensurepip[\s\S]*python3-venv/],
    ['when pip fails', { pip: false }, /pip: no network/],
  ])('cannot be had %s, which says what to do', async (_, made, message) => {
    if (made !== undefined) await python(join(folder, 'path', 'python3'), made);
    await expect(obtain()).rejects.toThrow(message);
  });
});
