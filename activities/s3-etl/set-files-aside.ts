import { Context } from '@temporalio/activity';
import type { ArrivedFile } from '../../src/arrivals/arrivals.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import { isMillraceError } from '../../src/errors.js';
import type { CheckSummary } from '../check-staged.js';
import type { Dependencies } from '../dependencies.js';

/** A file that failed for good. */
export interface FailedFile {
  file: ArrivedFile;
  /** Of the error, as docs/errors.md lists them. */
  code: string;
  message: string;
}

export interface FileSetAside {
  key: string;
  code: string;
  message: string;
  /** Address of the copy, with its reason beside it; `null` when the file was replaced or removed in the meantime. */
  copy: string | null;
}

export interface FilesSetAside {
  files: FileSetAside[];
  /** One warning that names them: whoever is told of failed checks is told of this one. */
  checks: CheckSummary[];
}

/** Files that a warning names. */
const NAMED = 5;

/**
 * Copies files to `failed/<interval>/<run>/<key>` of the store in which they arrived, each with its reason beside it. The file itself stays:
 * its writer may be replacing it at this moment, and `markProcessed` keeps later runs from taking this version again.
 */
export function createSetFilesAside(deps: Dependencies) {
  return async function setFilesAside(failed: FailedFile[], interval: DataInterval): Promise<FilesSetAside> {
    const { cancellationSignal: signal, log } = Context.current();
    const store = deps.incoming();
    const files: FileSetAside[] = [];
    for (const { file, code, message } of failed) {
      const place = `failed/${interval.label}/${interval.run}/${file.key}`;
      const copied = await store.copy(file.key, place, { ifMatch: file.etag, signal }).catch(goneMeanwhile);
      if (copied !== undefined) await store.put(`${place}.reason.json`, JSON.stringify({ ...file, code, message, pipeline: interval.pipeline, run: interval.run }, null, 2), { contentType: 'application/json', signal });
      log.warn(`${file.key} set aside: ${code}: ${message}`);
      files.push({ key: file.key, code, message, copy: copied === undefined ? null : store.uri(place) });
    }
    return { files, checks: [warning(files)] };
  };
}

function goneMeanwhile(error: unknown): undefined {
  if (isMillraceError(error) && ['OBJECT_CHANGED', 'OBJECT_MISSING'].includes(error.code)) return undefined;
  throw error;
}

function warning(files: readonly FileSetAside[]): CheckSummary {
  const named = files.slice(0, NAMED).map(({ key, code, message }) => `${key} (${code}: ${message})`);
  const more = files.length > NAMED ? ` and ${files.length - NAMED} more` : '';
  return { name: 'no file was set aside', severity: 'WARN', passed: files.length === 0, observed: `${files.length}: ${named.join('; ')}${more}`, expected: '0' };
}
