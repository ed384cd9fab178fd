import type pc from 'picocolors';

/** The last two as a boolean flag has them. */
export const COLOR_CHOICES = ['auto', 'always', 'never', 'true', 'false'] as const;

/** Whether to write in colours: `auto` says so on a terminal that takes them, unless NO_COLOR is set (no-color.org). */
export function usesColor(
  choice: string,
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== 'auto') return choice === 'always' || choice === 'true';
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

/** What comes from keys and commands must not steer the terminal. */
export function plain(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, '\u{fffd}');
}

/** A unified diff for a person's eyes. */
export function colored(diff: string, c: ReturnType<typeof pc.createColors>): string {
  const paint = (line: string): string => {
    if (line.startsWith('---') || line.startsWith('+++')) return c.dim(line);
    if (line.startsWith('@@')) return c.cyan(line);
    if (line.startsWith('+')) return c.green(line);
    return line.startsWith('-') ? c.red(line) : line;
  };
  return plain(diff).split('\n').map(paint).join('\n');
}
