import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { runProgram } from './run-program.js';

const ANSWER_TIMEOUT_MS = 20_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

const infoSchema = z.object({ archiveUrl: z.url(), fileToExtract: z.string().min(1) });

/**
 * Downloads the Temporal CLI the way `@temporalio/testing` does (sdk-core, ephemeral_server): `<base>/cli/v<version>` says
 * where the archive for this platform is and which file in it is the program. The archive's length is compared with what the
 * server announced, and its gzip checksum with its contents. Returns the program's path in `folder`.
 */
export async function downloadTemporal(base: string, version: string, folder: string): Promise<string> {
  const query = new URLSearchParams({ platform: platformName(), arch: archName(), format: 'tar.gz' });
  const info = infoSchema.parse(await (await get(`${base}/cli/v${version}?${query.toString()}`, ANSWER_TIMEOUT_MS)).json());

  const archive = join(folder, 'archive.tar.gz');
  const response = await get(info.archiveUrl, DOWNLOAD_TIMEOUT_MS);
  if (response.body === null) throw new Error(`${info.archiveUrl} answered without a body`);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(archive));
  // An encoding on the way is undone by fetch, so that the lengths differ.
  const announced = response.headers.has('content-encoding') ? null : response.headers.get('content-length');
  const { size } = await stat(archive);
  if (announced !== null && Number(announced) !== size) throw new Error(`${info.archiveUrl} sent ${size} of ${announced} bytes`);

  await runProgram('tar', ['-xzf', archive, '-C', folder, info.fileToExtract], { timeoutMs: 120_000 });
  return join(folder, basename(info.fileToExtract));
}

async function get(url: string, timeoutMs: number): Promise<Response> {
  const { host } = new URL(url);
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) }).catch((error: unknown) => {
    throw new Error(`${host} cannot be reached (${reasonOf(error)})`);
  });
  if (!response.ok) throw new Error(`${host} answered ${response.status} for ${url}`);
  return response;
}

/** fetch says no more than "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function platformName(): string {
  const name = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[process.platform as string];
  if (name === undefined) throw new Error(`there is none for ${process.platform}`);
  return name;
}

function archName(): string {
  const name = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (name === undefined) throw new Error(`there is none for the ${process.arch} architecture`);
  return name;
}
