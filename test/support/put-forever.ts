import { Readable } from 'node:stream';
import { createLocalDirectoryStore } from '../../src/object-store/local-directory.js';

/** Begins to put an object `half` into the folder argv[2], says so in one line, and never ends. */
const [, , root = ''] = process.argv;
let begun = false;
const body = new Readable({
  read() {
    if (!begun) this.push(Buffer.alloc(1_000_000, 'x'));
    else process.stdout.write('half way\n');
    begun = true;
  },
});
setInterval(() => {}, 60_000);
await createLocalDirectoryStore({ root }).put('half', body);
