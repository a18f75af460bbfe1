import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { LambdaProblem } from './problems.js';

/** What the service keeps of a function, as its API gives it. */
export interface Configuration {
  FunctionName: string;
  FunctionArn: string;
  Runtime: string;
  Role: string;
  Handler: string;
  Description: string;
  Timeout: number;
  MemorySize: number;
  Architectures?: string[];
  Environment?: { Variables: Record<string, string> };
  CodeSha256: string;
  CodeSize: number;
  LastModified: string;
  Version: string;
}

export interface StoredVersion {
  configuration: Configuration;
  /** Where the zip was unpacked. */
  codeDir: string;
}

interface StoredFunction {
  latest: StoredVersion;
  versions: StoredVersion[];
  aliases: Map<string, { FunctionVersion: string; Description: string }>;
  /** Milliseconds since the epoch until which the last change is under way. */
  changingUntil: number;
  created: number;
  reservedConcurrency?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** How long a change is under way; meanwhile another one is refused, as the service does. */
const CHANGE_MS = 150;
const ALIAS_NAME = /^(?!\d+$)[\w-]{1,128}$/;
const CONFIGURABLE = ['Runtime', 'Role', 'Handler', 'Description', 'Timeout', 'MemorySize', 'Environment'] as const;

/** The functions of the server: code, configuration, versions and aliases. */
export function createFunctions({ region, folder }: { region: string; folder: string }) {
  const functions = new Map<string, StoredFunction>();
  let unpacked = 0;

  function find(name: string): StoredFunction {
    const found = functions.get(name);
    if (!found) throw new LambdaProblem(404, 'ResourceNotFoundException', `Function not found: ${arnOf(name)}`);
    return found;
  }

  const arnOf = (name: string): string => `arn:aws:lambda:${region}:000000000000:function:${name}`;

  function changed(found: StoredFunction): void {
    if (Date.now() < found.changingUntil) {
      throw new LambdaProblem(409, 'ResourceConflictException', 'The operation cannot be performed at this time. An update is in progress for resource');
    }
    found.changingUntil = Date.now() + CHANGE_MS;
  }

  async function unpack(zipFile: unknown): Promise<Pick<Configuration, 'CodeSha256' | 'CodeSize'> & { codeDir: string }> {
    const zip = Buffer.from(typeof zipFile === 'string' ? zipFile : '', 'base64');
    const codeDir = join(folder, String((unpacked += 1)));
    for (const [path, content] of Object.entries(filesOf(zip))) {
      await mkdir(dirname(join(codeDir, path)), { recursive: true });
      await writeFile(join(codeDir, path), content);
    }
    return { codeDir, CodeSha256: createHash('sha256').update(zip).digest('base64'), CodeSize: zip.length };
  }

  function described(found: StoredFunction, { configuration }: StoredVersion): Fields {
    const isChanging = Date.now() < found.changingUntil;
    return { ...configuration, State: Date.now() < found.created + CHANGE_MS ? 'Pending' : 'Active', LastUpdateStatus: isChanging ? 'InProgress' : 'Successful' };
  }

  function resolve(found: StoredFunction, name: string, qualifier: string | null): StoredVersion {
    if (qualifier === null || qualifier === '$LATEST') return found.latest;
    const wanted = found.aliases.get(qualifier)?.FunctionVersion ?? qualifier;
    const version = wanted === '$LATEST' ? found.latest : found.versions.find(({ configuration }) => configuration.Version === wanted);
    if (!version) throw new LambdaProblem(404, 'ResourceNotFoundException', `Function not found: ${arnOf(name)}:${qualifier}`);
    return version;
  }

  return {
    version: (name: string, qualifier: string | null): StoredVersion & { reservedConcurrency?: number } => {
      const found = find(name);
      return { ...resolve(found, name, qualifier), ...(found.reservedConcurrency === undefined ? {} : { reservedConcurrency: found.reservedConcurrency }) };
    },
    describe: (name: string, qualifier: string | null): Fields => {
      const found = find(name);
      return described(found, resolve(found, name, qualifier));
    },
    async create(fields: Fields): Promise<Fields> {
      const name = String(fields['FunctionName']);
      if (functions.has(name)) throw new LambdaProblem(409, 'ResourceConflictException', `Function already exist: ${name}`);
      const { codeDir, ...code } = await unpack((fields['Code'] as Fields | undefined)?.['ZipFile']);
      const configuration: Configuration = {
        FunctionName: name,
        FunctionArn: arnOf(name),
        Runtime: 'nodejs22.x',
        Role: '',
        Handler: '',
        Description: '',
        Timeout: 3,
        MemorySize: 128,
        LastModified: new Date().toISOString(),
        Version: '$LATEST',
        ...code,
        ...configured(fields),
      };
      const found: StoredFunction = { latest: { configuration, codeDir }, versions: [], aliases: new Map(), changingUntil: Date.now() + CHANGE_MS, created: Date.now() };
      functions.set(name, found);
      if (fields['Publish'] === true) this.publish(name, {});
      return described(found, found.latest);
    },
    async updateCode(name: string, fields: Fields): Promise<Fields> {
      const found = find(name);
      const { codeDir, ...code } = await unpack(fields['ZipFile']);
      const next = { codeDir, configuration: { ...found.latest.configuration, ...code, LastModified: new Date().toISOString() } };
      if (fields['DryRun'] === true) return described(found, next);
      changed(found);
      found.latest = next;
      return described(found, next);
    },
    updateConfiguration(name: string, fields: Fields): Fields {
      const found = find(name);
      changed(found);
      found.latest = { ...found.latest, configuration: { ...found.latest.configuration, ...configured(fields), LastModified: new Date().toISOString() } };
      return described(found, found.latest);
    },
    publish(name: string, fields: Fields): Fields {
      const found = find(name);
      const { latest, versions } = found;
      const expected = textIn(fields, 'CodeSha256');
      if (expected !== undefined && expected !== latest.configuration.CodeSha256) {
        throw new LambdaProblem(400, 'InvalidParameterValueException', `CodeSHA256 (${expected}) is different from current CodeSHA256 in $LATEST`);
      }
      const last = versions.at(-1);
      if (last && last.codeDir === latest.codeDir && sameSettings(last.configuration, latest.configuration)) return described(found, last);
      const Version = String(versions.length + 1);
      const version = { ...latest, configuration: { ...latest.configuration, Version, FunctionArn: `${arnOf(name)}:${Version}` } };
      versions.push(version);
      return described(found, version);
    },
    versions: (name: string): Fields => {
      const found = find(name);
      return { Versions: [found.latest, ...found.versions].map((version) => described(found, version)) };
    },
    alias(name: string, alias: string): Fields {
      const found = find(name).aliases.get(alias);
      if (!found) throw new LambdaProblem(404, 'ResourceNotFoundException', `Cannot find alias arn: ${arnOf(name)}:${alias}`);
      return { AliasArn: `${arnOf(name)}:${alias}`, Name: alias, ...found };
    },
    setAlias(name: string, alias: string, fields: Fields, how: 'create' | 'update'): Fields {
      const found = find(name);
      if (!ALIAS_NAME.test(alias)) throw new LambdaProblem(400, 'ValidationException', `the alias ${alias} is not a name`);
      if (how === 'create' && found.aliases.has(alias)) throw new LambdaProblem(409, 'ResourceConflictException', `Alias already exists: ${arnOf(name)}:${alias}`);
      if (how === 'update') this.alias(name, alias);
      const FunctionVersion = textIn(fields, 'FunctionVersion') ?? found.aliases.get(alias)?.FunctionVersion ?? '';
      resolve(found, name, FunctionVersion);
      found.aliases.set(alias, { FunctionVersion, Description: textIn(fields, 'Description') ?? '' });
      return this.alias(name, alias);
    },
    setConcurrency(name: string, fields: Fields): Fields {
      const found = find(name);
      found.reservedConcurrency = Number(fields['ReservedConcurrentExecutions']);
      return { ReservedConcurrentExecutions: found.reservedConcurrency };
    },
    remove: (name: string): void => {
      find(name);
      functions.delete(name);
    },
  };
}

function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

function configured(fields: Fields): Partial<Configuration> {
  return Object.fromEntries(CONFIGURABLE.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}

function sameSettings(a: Configuration, b: Configuration): boolean {
  return CONFIGURABLE.every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));
}

function filesOf(zip: Buffer): Record<string, Uint8Array> {
  try {
    return unzipSync(zip);
  } catch {
    throw new LambdaProblem(400, 'InvalidParameterValueException', 'Could not unzip uploaded file. Please check your file, then try to upload again.');
  }
}
