/** `3,108` */
export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** `-58,635.56`: a decimal as text, grouped without going through a float. */
export function money(decimal: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(decimal) ?? [];
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`;
}
