import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LockedPackage {
  version?: string;
  os?: string[];
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };

it('package-lock.json has the native packages of every platform, not only of the one it was written on (scripts/complete-lockfile.mjs adds them)', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined),
  );
  expect(missing).toEqual([]);
});

it.each(['@duckdb/node-bindings-darwin-arm64', '@duckdb/node-bindings-linux-x64', '@duckdb/node-bindings-win32-x64'])('%s is held for its platform only', (name) => {
  expect(packages[`node_modules/${name}`]).toMatchObject({ version: packages['node_modules/@duckdb/node-bindings']?.version, os: [name.split('-')[2]] });
});
