import type { Column, ColumnType } from '../warehouse/warehouse.js';
import { isDecimal, isMoment } from './checks.js';
import { exact } from './numbers.js';
import { CheckCannotRun, type RuleContext } from './rule.js';

type Comparable = 'text' | 'boolean' | 'number' | 'time';

export function comparableAs(type: ColumnType): Comparable {
  if (type === 'text' || type === 'boolean') return type;
  return type === 'date' || type === 'timestamp' ? 'time' : 'number';
}

export function typeName(type: ColumnType): string {
  return typeof type === 'string' ? type : `decimal(${type.decimal.join(', ')})`;
}

/** A value as a literal that the column can be compared with, exactly; `CheckCannotRun` when it is of another kind. */
export function literalFor(context: RuleContext, column: Column, value: string | number | boolean): string {
  const { dialect } = context;
  switch (comparableAs(column.type)) {
    case 'text':
      if (typeof value === 'string') return dialect.literal(value, 'text');
      break;
    case 'boolean':
      if (typeof value === 'boolean') return dialect.literal(value, 'boolean');
      break;
    case 'number':
      if (typeof value !== 'boolean' && isDecimal(value)) {
        return column.type === 'double' ? dialect.literal(Number(value), 'double') : decimalLiteral(context, value);
      }
      break;
    case 'time':
      if (typeof value === 'string' && isMoment(value)) {
        return dialect.literal(value, isDateOnly(value) ? 'date' : 'timestamp');
      }
      break;
  }
  throw new CheckCannotRun(`column "${column.name}" is ${typeName(column.type)} and cannot be compared with ${JSON.stringify(value)}`);
}

/** Exactly as wide as the value: a wider type would push the column out of the 38 digits that both sides share. */
function decimalLiteral(context: RuleContext, value: string | number): string {
  const text = exact(value)?.toFixed() ?? '';
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const precision = whole.length + fraction.length;
  if (precision > 38) throw new CheckCannotRun(`${text} has more than the 38 digits that a decimal can hold`);
  return context.dialect.literal(text, { decimal: [precision, fraction.length] });
}

function isDateOnly(moment: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(moment);
}
