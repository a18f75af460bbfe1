/** `3,108` */
export function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** `0.4 s` */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `-58,635.56`: a decimal as text, grouped without going through a float. */
export function money(decimal: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(\.\d+)?$/.exec(decimal) ?? [];
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${fraction}`;
}
