import type { CommandSpec } from '../command/types.js';
import type { Fields } from './fields.js';
import { type Reloading, readReloading } from './reloading.js';
import { readResource, type Surroundings } from './resource.js';
import type { Resource } from './types.js';

export type GroupSettings = Reloading;

/** The resources of a `[[group]]`, the `number`th of its file counted from 1: its `[[group.template]]`s. */
export function readGroup(
  fields: Fields,
  number: number,
  around: Surroundings,
): readonly (Resource | undefined)[] {
  const own = fields.name('name');
  const lane = `${around.name}/${own ?? number}`;
  const settings = { ...readReloading(fields, around.defaults), lane };
  for (const key of ['verify_cmd', 'reload_cmd'] as const) {
    const command = key === 'verify_cmd' ? settings.verifyCmd : settings.reloadCmd;
    if (command !== undefined && namesAFile(command))
      fields.error(key, `${key} of a group is about all of its files: $CONFETD_DEST has them, a line each`);
  }
  const templates = fields.tables('template');
  if (templates.length === 0)
    fields.error('template', 'a group without files: write [[group.template]] with src and dest under it');
  fields.refuseUnknown((key) =>
    key === 'src' || key === 'dest' ? 'it belongs under a line [[group.template]]' : undefined,
  );
  return templates.map((template, at) => readResource(template, around, `${lane}#${at + 1}`, settings));
}

function namesAFile(command: CommandSpec): boolean {
  const words = typeof command === 'string' ? [command] : command;
  return words.some((word) => /\{\{\s*\.?(?:src|dest)\s*\}\}/.test(word));
}
