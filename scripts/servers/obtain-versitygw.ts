import { goInstall } from './go-install.js';
import { obtainProgram, type ObtainOptions } from './obtain-program.js';
import { runProgram } from './run-program.js';
import { VERSITYGW } from './versions.js';

/** The path of the S3 gateway that the tests talk to. Throws `ProgramUnavailable` when there is no way to one. */
export async function obtainVersitygw(options: ObtainOptions): Promise<string> {
  const { version, goPackage } = VERSITYGW;
  return await obtainProgram(
    {
      title: 'S3 gateway',
      name: 'versitygw',
      version,
      setting: 'MILLRACE_VERSITYGW',
      inspect: inspectVersitygw,
      makers: [
        {
          what: `building versitygw v${version} with \`go install\` (2-3 minutes, once)`,
          make: (folder) => goInstall(goPackage, version, folder, options.env ?? process.env),
        },
      ],
      remedy: `Install Go 1.24 or newer (https://go.dev/dl) or versitygw ${version} (https://github.com/versity/versitygw/releases), or set MILLRACE_VERSITYGW to it.`,
    },
    options,
  );
}

/** A build by `go install` does not know its version; that it runs is what can be seen. */
async function inspectVersitygw(path: string): Promise<string> {
  const printed = await runProgram(path, ['--version'], { timeoutMs: 30_000 });
  const version = /^Version\s*:\s*(\S+)/m.exec(printed)?.[1];
  if (version === undefined) throw new Error('its --version prints no version');
  return `version ${version}`;
}
