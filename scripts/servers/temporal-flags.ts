import { LOOPBACK } from '../../src/stack/ports.js';

/**
 * Settings of the dev server's parts. With the first five a step takes 10 ms instead of 105 ms: by default the queues are
 * polled at most 20 times a second each. `namespaceCount` limits waiting long polls: 1,200, less than a large fan-out's.
 */
const DYNAMIC_CONFIG: Readonly<Record<string, number | boolean>> = {
  'history.transferProcessorMaxPollRPS': 10_000,
  'history.timerProcessorMaxPollRPS': 10_000,
  'history.visibilityProcessorMaxPollRPS': 10_000,
  'history.outboundProcessorMaxPollRPS': 10_000,
  'system.enableActivityEagerExecution': true,
  'frontend.namespaceCount': 20_000,
};

/** Arguments of `temporal` that set them. */
export const DYNAMIC_CONFIG_ARGUMENTS: readonly string[] = Object.entries(DYNAMIC_CONFIG).flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${value}`]);

/** `normal`: a power cut may lose the last moments, and never harms the file. */
const SQLITE_PRAGMAS: Readonly<Record<string, string>> = { journal_mode: 'wal', synchronous: '1' };

/** Arguments of `temporal` for a dev server that listens on loopback only. It picks free ports for HTTP and metrics itself. */
export function startDevArguments(options: { port: number; uiPort: number; databaseFile: string }): string[] {
  return [
    'server',
    'start-dev',
    '--ip',
    LOOPBACK,
    '--port',
    String(options.port),
    '--ui-port',
    String(options.uiPort),
    '--db-filename',
    options.databaseFile,
    '--log-level',
    'error',
    ...Object.entries(SQLITE_PRAGMAS).flatMap(([name, value]) => ['--sqlite-pragma', `${name}=${value}`]),
    ...DYNAMIC_CONFIG_ARGUMENTS,
  ];
}
