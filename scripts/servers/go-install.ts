import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { findGo } from './find-program.js';
import { EXECUTABLE_SUFFIX } from './program-cache.js';
import { runProgram } from './run-program.js';

const BUILD_TIMEOUT_MS = 20 * 60_000;

/** `go install <goPackage>@v<version>` into `folder`; returns the program's path. */
export async function goInstall(goPackage: string, version: string, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  await runProgram(go(env), ['install', `${goPackage}@v${version}`], { env: { ...env, GOBIN: folder }, timeoutMs: BUILD_TIMEOUT_MS });
  return join(folder, basename(goPackage) + EXECUTABLE_SUFFIX);
}

/** Builds a package whose module has exclude directives, which `go install` refuses: from a module of our own that requires it. */
export async function goBuild(goModule: string, goPackage: string, version: string, folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = { cwd: folder, env, timeoutMs: BUILD_TIMEOUT_MS };
  await writeFile(join(folder, 'go.mod'), 'module millrace.example/build\n');
  await runProgram(go(env), ['get', `${goModule}@v${version}`], options);
  const program = join(folder, `built${EXECUTABLE_SUFFIX}`);
  await runProgram(go(env), ['build', '-mod=mod', '-ldflags', `-X ${goModule}/internal.Version=v${version}`, '-o', program, goPackage], options);
  return program;
}

function go(env: NodeJS.ProcessEnv): string {
  const found = findGo(env);
  if (found === undefined) throw new Error('Go is not installed');
  return found;
}
