import { MillraceError, isMillraceError, type ErrorCode } from '../errors.js';

interface Meaning {
  code: ErrorCode;
  what: string;
  remedy: string;
}

const NOT_ALLOWED: Meaning = {
  code: 'STORE_FORBIDDEN',
  what: 'this process may not do that',
  remedy: 'Give its user the right to read and write the folder.',
};
const FULL: Meaning = { code: 'STORE_UNAVAILABLE', what: 'the disk is full', remedy: 'Free some space; the step is tried again.' };
const KEY_CONFLICT: Meaning = {
  code: 'BAD_PARAMS',
  what: 'in a directory a key cannot be an object and also the folder of other objects',
  remedy: 'Choose another key.',
};

const MEANINGS: Record<string, Meaning> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: { code: 'STORE_FORBIDDEN', what: 'the file system is mounted read-only', remedy: 'Mount it for writing, or choose another folder.' },
  ENOSPC: FULL,
  EDQUOT: { ...FULL, what: 'the disk quota is used up' },
  EFBIG: { code: 'BAD_PARAMS', what: 'the file is larger than the file system allows', remedy: 'Split it.' },
  ENAMETOOLONG: { code: 'BAD_PARAMS', what: 'a segment of the key is longer than a file name may be', remedy: 'Choose shorter names.' },
  EISDIR: KEY_CONFLICT,
  ENOTDIR: KEY_CONFLICT,
  EEXIST: KEY_CONFLICT,
  ENOTEMPTY: KEY_CONFLICT,
  EXDEV: { code: 'BAD_PARAMS', what: 'the folder is on another file system than the root', remedy: 'Keep one store on one file system.' },
};

const PASSING: Meaning = { code: 'STORE_UNAVAILABLE', what: 'the file system failed', remedy: 'The step is tried again.' };

/** Translates an error of `node:fs`. `action` begins the sentence, with the object or folder that is meant. */
export function fileSystemError(error: unknown, action: string): MillraceError {
  if (isMillraceError(error)) return error;
  const driverCode = (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown error';
  const { code, what, remedy } = MEANINGS[driverCode] ?? PASSING;
  return new MillraceError(code, `${action} failed: ${what} (${driverCode}). ${remedy}`, { cause: error });
}

/** There is nothing under this path, or something that is no file. */
export function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
