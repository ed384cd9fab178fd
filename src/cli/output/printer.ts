import { EXIT, ExitError } from '../exit-error.js';
import type { Printer, SimpleOptions } from './format.js';

/** The printer of `--write-out`. Each is loaded when it is asked for. */
export async function printerFor(format: string, options: SimpleOptions): Promise<Printer> {
  switch (format) {
    case 'simple':
      return (await import('./simple.js')).simplePrinter(options);
    case 'fields':
      return (await import('./fields.js')).fieldsPrinter;
    case 'json':
      return (await import('./json.js')).jsonPrinter;
    case 'protobuf':
      return (await import('./protobuf.js')).protobufPrinter;
    case 'table':
      return (await import('./table.js')).tablePrinter;
    default:
      throw new ExitError(EXIT.badFeature, 'unsupported output format');
  }
}
