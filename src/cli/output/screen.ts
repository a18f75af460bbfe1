import pc from 'picocolors';
import { renderTable, type TableCell, type TableColumn } from './table.js';

export type Colors = ReturnType<typeof pc.createColors>;

/** Where a verb prints: data to stdout, remarks to stderr. */
export interface Screen {
  readonly colors: Colors;
  /** Whether a person watches stdout. */
  readonly interactive: boolean;
  /** Columns of the terminal; `undefined` where output goes to a file or a pipe, which is not cut. */
  readonly width: number | undefined;
  readonly height: number;
  print: (text: string) => void;
  /** For people only: not part of the data, so not on stdout. */
  remark: (text: string) => void;
  table(columns: readonly TableColumn[], rows: readonly (readonly (string | TableCell)[])[]): string;
}

export function createScreen(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  const interactive = stdout.isTTY;
  const colors = pc.createColors((interactive || env['FORCE_COLOR'] !== undefined) && (env['NO_COLOR'] ?? '') === '');
  const columns = Number(env['COLUMNS']);
  const width = Number.isInteger(columns) && columns > 0 ? columns : interactive ? stdout.columns : undefined;
  return {
    colors,
    interactive,
    width,
    height: stdout.rows ?? 24,
    print: (text) => void stdout.write(`${text}\n`),
    remark: (text) => void stderr.write(`${text}\n`),
    table: (head, rows) => renderTable(head, rows, width, colors.bold),
  };
}
