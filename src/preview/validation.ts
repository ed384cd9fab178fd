import { basename, extname, join } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { Problem, Resource } from '../confdir/types.js';
import { Templates } from '../render/templates.js';
import type { RenderPorts } from '../render/world.js';
import { problemOf } from './faults.js';
import { readOnly } from './read-only-files.js';
import { faultOf, type KeyReference } from './references.js';
import { templateFiles } from './template-files.js';

export interface ValidationOptions {
  readonly ports: RenderPorts;
  /** The folder of conf.d and templates. */
  readonly confdir: string;
  readonly resources: readonly Resource[];
  /** Templates that no resource reaches are looked at too. */
  readonly all: boolean;
}

export interface Validation {
  /** Every template and partial that was looked at, sorted. */
  readonly templates: readonly string[];
  readonly problems: readonly Problem[];
  /** Resources whose template doesn't compile, and why. */
  readonly failed: ReadonlyMap<Resource, string>;
}

/** What is known to be wrong with templates without any keys. Never fails but by problems. */
export async function validateTemplates(options: ValidationOptions): Promise<Validation> {
  const { ports, confdir, resources, all } = options;
  const files = readOnly(ports.files);
  const folder = join(confdir, 'templates');
  const templates = new Templates(folder, files, (extension) => ports.engine(extension));
  const problems: Problem[] = [];
  const failed = new Map<Resource, string>();
  /** By file: the resources that it is part of. */
  const users = new Map<string, Resource[]>();
  for (const resource of resources) {
    const { template, error } = await templates.compile(resource.srcPath);
    if (template === undefined) {
      failed.set(resource, error);
      problems.push(problemOf(error, resource));
    }
    for (const file of template?.files ?? [resource.srcPath])
      users.set(file, [...(users.get(file) ?? []), resource]);
  }
  if (all) {
    const { paths, cut } = await templateFiles(folder, files);
    if (cut) problems.push(whole(folder, 'warning', 'holds more templates than are looked at'));
    for (const path of paths) {
      if (users.has(path)) continue;
      users.set(path, []);
      try {
        // Whether it is a template of its own or part of others can't be known.
        const engine = await ports.engine(extname(path));
        await engine?.compile(path, folder, 'partial');
      } catch (error) {
        problems.push(problemOf(messageOf(error), { position: whole(path, 'error', ''), srcPath: path }));
      }
    }
  }
  for (const [file, by] of users) {
    const content = (await files.read(file).catch(() => undefined))?.content;
    if (content !== undefined)
      problems.push(...(await referenceProblems(file, content.toString('utf8'), by)));
  }
  return { templates: [...users.keys()].sort(), problems: distinct(problems), failed };
}

async function referenceProblems(
  file: string,
  text: string,
  resources: readonly Resource[],
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  let keys: readonly KeyReference[] = [];
  try {
    if (extname(file) === '.hbs') {
      const { handlebarsReferences } = await import('./handlebars-references.js');
      keys = handlebarsReferences(text, file);
    } else if (extname(file) === '.tmpl') {
      const { goReferences } = await import('./go-references.js');
      const found = goReferences(text, basename(file));
      keys = found.keys;
      for (const { name, line, column } of found.undefinedTemplates) {
        const message = `there is no template ${JSON.stringify(name)}: {{define}} it in this file, or include a file by its name`;
        problems.push({ severity: 'error', file, line, column, message });
      }
    }
  } catch {
    // It doesn't parse, which compiling has told.
  }
  for (const key of keys) {
    const { line, column } = key;
    for (const resource of resources) {
      const fault = faultOf(key, resource);
      if (fault !== undefined) problems.push({ ...fault, file, line, column });
    }
  }
  return problems;
}

function whole(file: string, severity: Problem['severity'], message: string): Problem {
  return { severity, file, line: 0, column: 0, message };
}

/** A partial's fault is found by each template that it is part of. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
