import { downloadTemporal } from './download-temporal.js';
import { goInstall } from './go-install.js';
import { obtainProgram, type ObtainOptions } from './obtain-program.js';
import { runProgram } from './run-program.js';
import { isAtLeast, TEMPORAL_CLI } from './versions.js';

export interface ObtainTemporalOptions extends ObtainOptions {
  /** Instead of Temporal's own download server. */
  downloads?: string;
}

/** The path of a `temporal` CLI that is new enough. Throws `ProgramUnavailable` when there is no way to one. */
export async function obtainTemporal(options: ObtainTemporalOptions): Promise<string> {
  const { version, goPackage, downloads } = TEMPORAL_CLI;
  const base = options.downloads ?? downloads;
  return await obtainProgram(
    {
      title: 'Temporal dev server',
      name: 'temporal',
      version,
      setting: 'MILLRACE_TEMPORAL_CLI',
      inspect: inspectTemporal,
      makers: [
        {
          what: `downloading v${version} from ${new URL(base).host} (about 45 MB, usually under a minute, once)`,
          make: (folder) => downloadTemporal(base, version, folder),
        },
        {
          what: `building v${version} with \`go install\` (2-3 minutes, once)`,
          make: (folder) => goInstall(goPackage, version, folder, options.env ?? process.env),
        },
      ],
      remedy: 'Install the Temporal CLI (https://docs.temporal.io/cli#install) or Go 1.24 or newer (https://go.dev/dl), or set MILLRACE_TEMPORAL_CLI to a temporal program.',
    },
    options,
  );
}

/**
 * `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`. One that was built by `go install` calls itself 0.0.0-DEV,
 * so that the server in it counts.
 */
async function inspectTemporal(path: string): Promise<string> {
  const printed = await runProgram(path, ['--version'], { timeoutMs: 30_000 });
  const server = /\(Server (\d+\.\d+\.\d+)/.exec(printed)?.[1];
  if (server === undefined) throw new Error(`its --version names no server: ${printed.trim().slice(0, 100)}`);
  if (!isAtLeast(server, TEMPORAL_CLI.minimumServer)) throw new Error(`its server is ${server}, older than ${TEMPORAL_CLI.minimumServer}`);
  return `server ${server}`;
}
