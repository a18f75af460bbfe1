import { join } from 'node:path';
import { z } from 'zod';
import type { DuckDBLimits } from '../src/duckdb/duckdb.js';

/** What a worker is told by its environment, beside connections and Temporal's own settings. */
export interface WorkerSettings {
  taskQueue: string;
  logLevel: 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  /** `host:port` at which Prometheus finds Temporal's and our metrics; absent: nowhere. */
  prometheus: string | undefined;
  /** Address of Temporal's Web UI, for links in alerts. */
  webUi: string | undefined;
  duckdb: DuckDBLimits;
}

const environment = z.object({
  MILLRACE_TASK_QUEUE: z.string().min(1).default('millrace'),
  MILLRACE_LOG_LEVEL: z.enum(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO'),
  MILLRACE_PROMETHEUS: z.string().regex(/^\S+:\d+$/, 'is not an address such as 127.0.0.1:9464').optional(),
  MILLRACE_WEB_UI: z.url().optional(),
  MILLRACE_DUCKDB_MEMORY: z.string().regex(/^\d+(MB|GB)$/, 'is not a size such as 512MB or 2GB').default('1GB'),
  MILLRACE_DUCKDB_THREADS: z.coerce.number().int().min(1).max(64).default(2),
});

/** All problems at once, with the names of the settings; an empty value means missing. */
export function workerSettings(env: NodeJS.ProcessEnv, home: string): WorkerSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
  const values = parsed.data;
  return {
    taskQueue: values.MILLRACE_TASK_QUEUE,
    logLevel: values.MILLRACE_LOG_LEVEL,
    prometheus: values.MILLRACE_PROMETHEUS,
    webUi: values.MILLRACE_WEB_UI?.replace(/\/+$/, ''),
    duckdb: { memoryLimit: values.MILLRACE_DUCKDB_MEMORY, threads: values.MILLRACE_DUCKDB_THREADS, scratchDir: join(home, 'scratch') },
  };
}
