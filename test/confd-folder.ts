import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runConfetd, scratch, writeFiles } from './daemon.js';

/** What someone who has replaced the word `confd` meets. */
export function confdir(resource = '', extra: Readonly<Record<string, string>> = {}): string {
  const folder = scratch();
  writeFiles(folder, {
    'templates/app.tmpl': '{{range gets "/app/*"}}{{base .Key}}={{.Value}} {{end}}\n',
    'conf.d/app.toml': `[template]\nsrc = "app.tmpl"\ndest = "${folder}/app.out"\nkeys = ["/app"]\n${resource}`,
    ...extra,
  });
  return folder;
}

export const rendered = (folder: string): string => readFileSync(join(folder, 'app.out'), 'utf8');
export const confetd = (
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) => runConfetd([...args, '-confdir', folder], { cwd: folder, env });
