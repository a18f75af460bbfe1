import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { WorkflowHandle } from '@temporalio/client';
import obtainServers from '../global-setup.js';
import { startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { SCENARIOS } from './scenarios.js';

/**
 * Records the histories that `replay.test.ts` replays, each from a run on real servers: `npx tsx test/replay/record.ts [NAME …]`.
 * To be run when a change is meant to break the old ones, before a release; the changelog then says so.
 */
const HISTORIES = join(import.meta.dirname, 'histories');

async function main(wanted: readonly string[]): Promise<void> {
  const chosen = SCENARIOS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  await obtainServers();
  await mkdir(HISTORIES, { recursive: true });
  for (const scenario of chosen) {
    const stack = await startPipelineStack({ preload: [...scenario.days] });
    try {
      for (const [file, handle] of Object.entries(await scenario.play(stack))) await record(stack, `${scenario.name}-${file}`, handle);
    } finally {
      await stack.stop();
    }
  }
}

async function record(stack: PipelineStack, name: string, handle: WorkflowHandle): Promise<void> {
  const json = historyToJSON(await handle.fetchHistory());
  await writeFile(join(HISTORIES, `${name}.json`), `${withoutTraces(json, stack.home)}\n`);
  console.log(`recorded ${name}`);
}

/** Which machine and process it was, and where its files lay, is nobody's business and says nothing to a replay. */
function withoutTraces(json: string, home: string): string {
  return json
    .replace(/("identity": )"[^"]*"/g, '$1"worker"')
    .replace(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""')
    .replace(/\b\d+@[\w.-]+/g, 'worker')
    .replace(/("data": )"([A-Za-z0-9+/=]+)"/g, (_, key: string, data: string) => `${key}"${withoutHome(data, home)}"`)
    .replaceAll(home, '/home/millrace');
}

function withoutHome(base64: string, home: string): string {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  const paths = [home, encodeURI(home), encodeURI(home).replaceAll('[', '%5B').replaceAll(']', '%5D')];
  if (!paths.some((path) => text.includes(path))) return base64;
  return Buffer.from(paths.reduce((left, path) => left.replaceAll(path, '/home/millrace'), text)).toString('base64');
}

await main(process.argv.slice(2));
