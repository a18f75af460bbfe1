import { z } from 'zod';
import { MillraceError } from '../errors.js';

/**
 * Quality checks as data. `docs/quality-checks.md` gives the exact meaning of every kind, with an example.
 * Sandbox-safe: no Node built-ins. The text in `where`, `sql` and `sum` is SQL of the pipeline's author and is trusted;
 * every other string is a name or a value and is quoted.
 */

const sqlText = z.string().trim().min(1);
const column = z.string().min(1);
const columns = z
  .array(column)
  .min(1)
  .readonly()
  .refine((names) => new Set(names).size === names.length, 'names a column twice');

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** Fits the widest decimal that every warehouse has. */
export function isDecimal(value: string | number): boolean {
  const text = String(value);
  return typeof value === 'number' ? Number.isFinite(value) : DECIMAL.test(text) && text.replace(/[-.]/g, '').length <= 38;
}

const NOT_DECIMAL = 'expected a number, or a decimal of at most 38 digits such as "12.50"';
/** A JavaScript number, or a decimal as text where a number would lose precision. */
const decimal = z.union([z.number(), z.string()], NOT_DECIMAL).refine(isDecimal, NOT_DECIMAL);

/** What carries no offset is UTC. */
const isoMoment = z.union([z.iso.date(), z.iso.datetime({ local: true, offset: true })]);

export function isMoment(value: string | number): boolean {
  return isoMoment.safeParse(value).success;
}

const moment = z.string().refine(isMoment, 'expected an ISO 8601 date or time such as "2010-12-01T00:00:00Z"');

const NOT_BOUND = 'expected a number, a decimal such as "12.50", or an ISO 8601 date or time';
const bound = z.union([z.number(), z.string()], NOT_BOUND).refine((value) => isDecimal(value) || isMoment(value), NOT_BOUND);

const columnType = z.union(
  [
    z.enum(['text', 'boolean', 'integer', 'bigint', 'double', 'date', 'timestamp']),
    z.strictObject({ decimal: z.tuple([z.int().positive(), z.int().nonnegative()]).readonly() }),
  ],
  'expected text, boolean, integer, bigint, double, date, timestamp, or { decimal: [precision, scale] }',
);

const named = {
  /** Unique among the checks of a table; identifies the result. */
  name: z.string().trim().min(1).max(200),
  /** `ERROR` stops publishing; `WARN` is reported and the run goes on. */
  severity: z.enum(['ERROR', 'WARN']),
};

/** `where`: a SQL predicate; rows for which it is not true are as if they were not in the table. */
const filtered = { ...named, where: sqlText.optional() };

const notNull = z.strictObject({ kind: z.literal('notNull'), ...filtered, columns });

const unique = z.strictObject({ kind: z.literal('unique'), ...filtered, columns });

const inRange = z
  .strictObject({
    kind: z.literal('inRange'),
    ...filtered,
    column,
    min: bound.optional(),
    max: bound.optional(),
    minExclusive: bound.optional(),
    maxExclusive: bound.optional(),
  })
  .refine((check) => [check.min, check.max, check.minExclusive, check.maxExclusive].some((value) => value !== undefined), 'has no bound')
  .refine((check) => check.min === undefined || check.minExclusive === undefined, { path: ['minExclusive'], error: 'give min or minExclusive, not both' })
  .refine((check) => check.max === undefined || check.maxExclusive === undefined, { path: ['maxExclusive'], error: 'give max or maxExclusive, not both' });

const acceptedValues = z.strictObject({
  kind: z.literal('acceptedValues'),
  ...filtered,
  column,
  values: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .min(1)
    .readonly(),
  /** Default true, as in a SQL CHECK constraint. */
  allowNull: z.boolean().optional(),
});

const rowCount = z
  .strictObject({
    kind: z.literal('rowCount'),
    ...filtered,
    min: z.int().nonnegative().optional(),
    max: z.int().nonnegative().optional(),
    /** `tolerance` is a share of the average: 0.5 allows half as many to one and a half times as many. */
    againstLast: z.strictObject({ runs: z.int().positive().max(1000), tolerance: z.number().nonnegative() }).optional(),
  })
  .refine((check) => check.min !== undefined || check.max !== undefined || check.againstLast !== undefined, 'needs min, max or againstLast')
  .refine((check) => check.min === undefined || check.max === undefined || check.min <= check.max, { path: ['max'], error: 'is less than min' });

const freshness = z.strictObject({
  kind: z.literal('freshness'),
  ...filtered,
  column,
  maxAgeSeconds: z.number().nonnegative(),
  /** The moment that ages are measured from; the interval's end, not the clock, so that a re-run says the same. */
  asOf: moment,
});

const completeness = z.strictObject({
  kind: z.literal('completeness'),
  ...filtered,
  column,
  /** Share of rows that are not NULL, 0 to 1. */
  min: z.number().min(0).max(1),
});

const schema = z.strictObject({
  kind: z.literal('schema'),
  ...named,
  columns: z
    .array(z.strictObject({ name: column, type: columnType }))
    .min(1)
    .readonly(),
  /** Default false: a column that nobody expects is a failure. */
  allowExtra: z.boolean().optional(),
});

const reconciles = z.strictObject({
  kind: z.literal('reconciles'),
  ...filtered,
  /** `{ count: true }`, or `{ sum: 'quantity * unit_price' }`: a SQL expression. */
  what: z.union([z.strictObject({ count: z.literal(true) }), z.strictObject({ sum: sqlText })], 'expected { count: true } or { sum: SQL expression }'),
  expected: decimal,
  /** Where `expected` was counted, for the reader of the result. */
  source: z.string().trim().min(1),
  /** Largest difference that passes; default 0. */
  tolerance: decimal.refine((value) => Number(value) >= 0, 'is negative').optional(),
});

/** Stands for the quoted name of the table under check, in `customSql`. */
export const TABLE_PLACEHOLDER = '{{table}}';

const customSql = z.strictObject({
  kind: z.literal('customSql'),
  ...named,
  /** One SELECT; `{{table}}` becomes the quoted name of the table. */
  sql: sqlText.refine((sql) => !/\{\{/.test(sql.replaceAll(TABLE_PLACEHOLDER, '')), 'has a placeholder other than {{table}}'),
  /** What the SELECT yields; default `failingRows`. `boolean`: true passes. `number`: 0 passes. */
  yields: z.enum(['failingRows', 'boolean', 'number']).optional(),
});

const check = z.discriminatedUnion('kind', [
  notNull,
  unique,
  inRange,
  acceptedValues,
  rowCount,
  freshness,
  completeness,
  schema,
  reconciles,
  customSql,
]);

export type Check = z.infer<typeof check>;
export type CheckKind = Check['kind'];
export type CheckSeverity = Check['severity'];
/** The check of one kind: `CheckOf<'inRange'>`. */
export type CheckOf<Kind extends CheckKind> = Extract<Check, { kind: Kind }>;
/** A decimal as text, or a JavaScript number. */
export type DecimalValue = z.infer<typeof decimal>;
/** A bound of `inRange`. */
export type Bound = z.infer<typeof bound>;

/**
 * The given definitions, validated. Throws `BAD_PARAMS` that names every wrong check and field at once.
 */
export function parseChecks(definitions: readonly unknown[]): readonly Check[] {
  const problems: string[] = [];
  const checks: Check[] = [];
  const names = new Set<string>();
  for (const [index, definition] of definitions.entries()) {
    const label = labelOf(definition, index);
    const parsed = check.safeParse(definition);
    if (!parsed.success) {
      problems.push(...parsed.error.issues.map((issue) => `${label}: ${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${describe(issue)}`));
      continue;
    }
    if (names.has(parsed.data.name)) problems.push(`${label}: name: another check of this table has it`);
    names.add(parsed.data.name);
    checks.push(parsed.data);
  }
  if (problems.length > 0) {
    throw new MillraceError('BAD_PARAMS', `Quality checks are badly defined; correct ${problems.join('; ')}.`, { details: { problems } });
  }
  return checks;
}

function labelOf(definition: unknown, index: number): string {
  const name = typeof definition === 'object' && definition !== null ? (definition as { name?: unknown }).name : undefined;
  return typeof name === 'string' && name.trim() !== '' ? `check "${name}"` : `check number ${index + 1}`;
}

function describe(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^Invalid input: /, '');
}
