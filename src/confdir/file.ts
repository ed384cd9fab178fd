import { Fields } from './fields.js';
import { readGroup } from './group.js';
import { readHook } from './hook.js';
import { Positions, placeOfBadByte } from './positions.js';
import { RELOADING_KEYS } from './reloading.js';
import { readResource, type Surroundings } from './resource.js';
import { parseToml, type TomlTable } from './toml.js';
import type { Generation, Hook, Problem, Resource } from './types.js';

/** What one file of conf.d says. With an error in it, nothing but its problems. Never throws. */
export function readFile(bytes: Buffer, around: Surroundings): Generation {
  const problems: Problem[] = [];
  const fault = (line: number, column: number, message: string): Generation => ({
    resources: [],
    hooks: [],
    problems: [{ severity: 'error', file: around.file, line, column, message }],
  });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const place = placeOfBadByte(bytes);
    return fault(place.line, place.column, 'not UTF-8 text: save the file in that encoding');
  }
  const parsed = parseToml(text);
  if (parsed.fault !== undefined) return fault(parsed.fault.line, parsed.fault.column, parsed.fault.message);
  const root = new Fields(parsed.table, [], around.file, new Positions(text), problems);

  const resources = [
    ...readTemplates(root, parsed.table, around),
    ...root.tables('group').flatMap((fields, at) => readGroup(fields, at + 1, around)),
  ];
  const hooks = root.tables('hook').map((fields, at) => readHook(fields, at + 1, around));
  root.refuseUnknown((key) => {
    if (key === 'backend') return 'all resources have one backend: run a second confetd for these';
    return TEMPLATE_KEYS.has(key) ? 'it belongs under a line [template]' : undefined;
  });
  if (Object.keys(parsed.table).length === 0) {
    const message = 'nothing in it: write a [template] with src and dest, or a [[hook]] with a command';
    problems.push({ severity: 'warning', file: around.file, line: 1, column: 1, message });
  }
  if (problems.some(({ severity }) => severity === 'error')) return { resources: [], hooks: [], problems };
  return {
    resources: resources.filter((resource): resource is Resource => resource !== undefined),
    hooks: hooks.filter((hook): hook is Hook => hook !== undefined),
    problems,
  };
}

/** `[template]`, or any number of `[[template]]`. */
function readTemplates(root: Fields, table: TomlTable, around: Surroundings): (Resource | undefined)[] {
  if (!Array.isArray(table.template)) {
    const template = root.table('template', '{ src = "…", dest = "…" }');
    return template === undefined ? [] : [readResource(template, around)];
  }
  const templates = root.tables('template');
  const name = (at: number): string => (templates.length === 1 ? around.name : `${around.name}#${at + 1}`);
  return templates.map((fields, at) => readResource(fields, around, name(at)));
}

/** What people write at the top of a file by mistake. */
const TEMPLATE_KEYS = new Set([
  'src',
  'dest',
  'keys',
  'prefix',
  'prefix_mode',
  'mode',
  'owner',
  'group',
  'uid',
  'gid',
  'check_cmd',
  'check_cmd_timeout',
  ...RELOADING_KEYS,
  'min_entries',
  'create_dest_dirs',
  'on_drift',
  'missing_key',
  'refuse_empty',
  'output_format',
  'backup',
  'for_each',
  'prune',
]);
