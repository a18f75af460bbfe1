import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A block's content; expressions are texts such as `${var.region}`, repeated blocks are lists. */
export type Block = Record<string, unknown>;
/** By type and name: `aws_s3_bucket.this`. */
type Declared = Record<string, Record<string, Block[]>>;

export interface TerraformFiles {
  variable: Record<string, Block[]>;
  locals: Block[];
  resource: Declared;
  data: Declared;
  output: Record<string, Block[]>;
  /** What each `.tfvars` gives, by its file's name. */
  values: Record<string, Block>;
}

/** Terraform's own parser; without its types, which bring those of browsers with them. */
const hcl = createRequire(import.meta.url)('@cdktf/hcl2json') as { parse: (name: string, text: string) => Promise<unknown> };

/** All files of a folder, put together as Terraform does it. Throws for what is no HCL. */
export async function readTerraform(folder: string): Promise<TerraformFiles> {
  const all: TerraformFiles = { variable: {}, locals: [], resource: {}, data: {}, output: {}, values: {} };
  for (const name of readdirSync(folder).filter((file) => /\.tf(vars)?$/.test(file))) {
    const parsed = await hcl.parse(name, readFileSync(join(folder, name), 'utf8'));
    if (name.endsWith('.tfvars')) {
      all.values[name] = parsed as Block;
      continue;
    }
    const { variable, output, locals = [], ...kinds } = parsed as Partial<TerraformFiles>;
    Object.assign(all.variable, variable);
    Object.assign(all.output, output);
    all.locals.push(...locals);
    for (const kind of ['resource', 'data'] as const) {
      for (const [type, named] of Object.entries(kinds[kind] ?? {})) all[kind][type] = { ...all[kind][type], ...named };
    }
  }
  return all;
}

/** What the expressions below a value refer to, by a pattern whose groups are the parts of a name. */
export function referred(pattern: RegExp, value: unknown): string[] {
  return expressions(value).flatMap((text) => [...text.matchAll(pattern)].map((match) => match.slice(1).join('.')));
}

function expressions(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(/\$\{(.*)\}/gs)].map(([, inside]) => inside!);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(expressions) : [];
}
