const SHOWN = 120;

/** The start of a statement on one line, for error messages. */
export function startOf(statement: string): string {
  const line = statement.replace(/\s+/g, ' ').trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
