import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { EXECUTABLE_SUFFIX } from './program-cache.js';

/** Every `name` on PATH and where `go install` puts programs, in this order. */
export function findPrograms(name: string, env: NodeJS.ProcessEnv): string[] {
  const goBin = env['GOBIN'] || join(env['GOPATH'] || join(homedir(), 'go'), 'bin');
  const files = [...pathFolders(env), goBin].map((folder) => join(folder, name + EXECUTABLE_SUFFIX));
  return [...new Set(files)].filter(isExecutable);
}

/** The `go` command; its installer leaves it in a folder that is not always on PATH. */
export function findGo(env: NodeJS.ProcessEnv): string | undefined {
  return [...pathFolders(env), '/usr/local/go/bin'].map((folder) => join(folder, `go${EXECUTABLE_SUFFIX}`)).find(isExecutable);
}

function pathFolders(env: NodeJS.ProcessEnv): string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
