/** `npm run build`: what is in `dist/` is made anew where sources have changed. */
import { prepare } from './setup/prepare.mjs';

await prepare().catch((error) => {
  process.stderr.write(`millrace: ${error.message}\n`);
  process.exitCode = 1;
});
