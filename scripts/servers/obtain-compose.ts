import { goBuild } from './go-install.js';
import { obtainProgram, type ObtainOptions } from './obtain-program.js';
import { runProgram } from './run-program.js';
import { DOCKER_COMPOSE, isAtLeast } from './versions.js';

/** The first one that takes the contents of a config from the file itself. */
const MINIMUM = '2.23.1';

/**
 * The command that is `docker compose`, as program and first arguments: the plugin of an installed Docker, else the same
 * program standing alone. It needs no Docker daemon to check a file. Throws `ProgramUnavailable` when there is no way to it.
 */
export async function obtainCompose(options: ObtainOptions): Promise<readonly [string, ...string[]]> {
  try {
    await inspectCompose('docker', ['compose']);
    return ['docker', 'compose'];
  } catch {
    // No Docker here, or one without the plugin.
  }
  const { version, goModule, goPackage } = DOCKER_COMPOSE;
  const program = await obtainProgram(
    {
      title: 'docker compose',
      name: 'docker-compose',
      version,
      setting: 'MILLRACE_DOCKER_COMPOSE',
      inspect: (path) => inspectCompose(path, []),
      makers: [
        {
          what: `building docker compose v${version} with Go (2-5 minutes, once)`,
          make: (folder) => goBuild(goModule, goPackage, version, folder, options.env ?? process.env),
        },
      ],
      remedy: 'Install Docker with its compose plugin (https://docs.docker.com/compose/install) or Go 1.24 or newer (https://go.dev/dl).',
    },
    options,
  );
  return [program];
}

async function inspectCompose(program: string, args: readonly string[]): Promise<string> {
  const printed = await runProgram(program, [...args, 'version', '--short'], { timeoutMs: 30_000 });
  const version = /\d+\.\d+\.\d+/.exec(printed)?.[0];
  if (version === undefined) throw new Error(`its version is not to be read: ${printed.trim().slice(0, 100)}`);
  if (!isAtLeast(version, MINIMUM)) throw new Error(`its version is ${version}, older than ${MINIMUM}`);
  return `version ${version}`;
}
