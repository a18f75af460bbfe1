/**
 * Adds to package-lock.json the platform packages that npm has left out: `node scripts/complete-lockfile.mjs`, after `npm install`.
 *
 * Packages with native code name one optional package per platform. npm writes down only those that the registry it talks to
 * offers at the moment (a mirror often has those of one platform); `npm ci` then refuses the file, and on other platforms the
 * native code would be missing. What is added has no checksum, which the registry in use does not tell; npm fetches it by its version.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** `binding-linux-arm-musleabihf`, `core-darwin-arm64` */
const PLATFORM =
  /\b(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)(?:-(gnu|musl))?/;

/** With its properties in npm's order, so that npm does not move them; `undefined` for a package that is not for one platform. */
function entryFor(name, version, dev) {
  const [, os, cpu, libc] = PLATFORM.exec(basename(name)) ?? [];
  if (os === undefined) return undefined;
  return { version, cpu: [cpu], ...(dev && { dev }), ...(os === 'linux' && libc && { libc: [libc === 'gnu' ? 'glibc' : libc] }), optional: true, os: [os] };
}

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const known = [`${path}/node_modules/${name}`, `node_modules/${name}`].some((place) => lock.packages[place] !== undefined);
    const entry = entryFor(name, version, dev);
    if (known || entry === undefined || !/^\d/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = entry;
    added.push(`${name}@${version}`);
  }
}
if (added.length > 0) {
  // npm's own order.
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
}
process.stderr.write(`package-lock.json: ${added.length === 0 ? 'complete' : `added ${added.join(', ')}`}\n`);
