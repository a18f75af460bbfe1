import { isMillraceError } from '../../src/errors.js';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';

/** Adds one to the object `count` of the folder argv[2], argv[3] times, each time only if nobody was faster. */
const [, , root = '', times = '0'] = process.argv;
const store = createLocalDirectoryStore({ root });
for (let done = 0; done < Number(times); ) {
  const { info, body } = await store.get('count');
  const count = Number(Buffer.concat((await body.toArray()) as Buffer[]));
  try {
    await store.put('count', String(count + 1), { ifMatch: info.etag });
    done += 1;
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'OBJECT_CHANGED') throw error;
  }
}
