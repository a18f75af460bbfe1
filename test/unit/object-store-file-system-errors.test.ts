import { describe, expect, test } from 'vitest';
import { fileSystemError } from '../../src/object-store/file-system-errors.js';

describe('errors of the file system', () => {
  test.each([
    ['ENOSPC', 'STORE_UNAVAILABLE', 'the disk is full'],
    ['EDQUOT', 'STORE_UNAVAILABLE', 'quota'],
    ['EIO', 'STORE_UNAVAILABLE', 'the file system failed'],
    ['EMFILE', 'STORE_UNAVAILABLE', 'the file system failed'],
    ['EACCES', 'STORE_FORBIDDEN', 'the right to read and write'],
    ['EPERM', 'STORE_FORBIDDEN', 'the right to read and write'],
    ['EROFS', 'STORE_FORBIDDEN', 'read-only'],
    ['ENOTDIR', 'BAD_PARAMS', 'an object and also the folder'],
    ['ENAMETOOLONG', 'BAD_PARAMS', 'longer than a file name'],
  ])('%s becomes %s and says so in words', (code, expected, words) => {
    const error = fileSystemError(Object.assign(new Error('raw'), { code, syscall: 'open' }), 'Writing the object file:///lake/k');
    expect(error).toMatchObject({ code: expected, message: expect.stringContaining(words) as string });
    expect(error.message).toContain('Writing the object file:///lake/k failed');
    expect(error.message).toContain(code);
  });
});
