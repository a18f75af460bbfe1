import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPipeline } from '../../catalog.js';
import { CliError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { insertionsFor, type Insertion } from './insertions.js';
import { namesOf, type Names } from './names.js';

export interface CreatedPipeline {
  /** Paths from the project's root. */
  created: string[];
  changed: string[];
}

/**
 * Writes a pipeline with everything that belongs to it into the project at `root`. Nothing is written unless all of it can be: a
 * file that is there already, or one that has no place for a line, is a conflict.
 */
export async function createPipeline(root: string, name: string): Promise<CreatedPipeline> {
  const names = namesOf(name);
  const files = await filledTemplates(join(root, 'templates', 'pipeline'), names);
  const taken = [...files.keys()].filter((file) => existsSync(join(root, file)));
  if (findPipeline(name) !== undefined || taken.length > 0) {
    throw new CliError(EXIT_CODES.CONFLICT, taken.length > 0 ? `there is ${taken[0]} already` : `there is a pipeline ${name} already`, 'choose another name');
  }
  const changes = await insertedInto(root, insertionsFor(names));
  for (const [file, text] of [...files, ...changes]) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
  return { created: [...files.keys()].toSorted(), changed: [...changes.keys()] };
}

async function filledTemplates(folder: string, names: Names): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = path.slice(folder.length + 1).replaceAll('__name__', names.name).replace(/\.tmpl$/, '');
    files.set(target, filled(await readFile(path, 'utf8'), names));
  }
  return files;
}

function filled(template: string, names: Names): string {
  return template.replaceAll(/\{\{(name|Name|camel|snake|CONST|Title)\}\}/g, (_, key: keyof Names) => names[key]);
}

async function insertedInto(root: string, insertions: readonly Insertion[]): Promise<Map<string, string>> {
  const changed = new Map<string, string>();
  for (const insertion of insertions) {
    const { file } = insertion;
    changed.set(file, inserted(changed.get(file) ?? (await readFile(join(root, file), 'utf8')), insertion));
  }
  return changed;
}

function inserted(content: string, { file, within, before, text }: Insertion): string {
  const [head, part, ...more] = content.split(within);
  const place = part?.indexOf(before) ?? -1;
  if (head === undefined || part === undefined || more.length > 0 || place < 0) {
    throw new CliError(EXIT_CODES.CONFLICT, `${file} has no place for the new pipeline: "${before.trim()}" was looked for after "${within}"`, 'add the pipeline by hand, as docs/write-a-pipeline.md says');
  }
  return `${head}${within}${part.slice(0, place)}${text}${part.slice(place)}`;
}
