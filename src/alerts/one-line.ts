/**
 * Text that somebody else wrote, fit for a subject or a table cell: line breaks, other control characters and marks that
 * turn the direction of writing become spaces, and what is longer than `length` characters ends in an ellipsis.
 */
export function oneLine(text: string, length: number): string {
  const flat = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069\s]+/gu, ' ').trim();
  const characters = Array.from(flat);
  return characters.length <= length ? flat : `${characters.slice(0, length - 1).join('')}…`;
}
