import { ask } from './network.js';
import { define } from './types.js';

/** The process and the disk around the template. */
export const environmentFunctions = [
  define({
    name: 'getenv',
    params: ['text'],
    optional: ['text'],
    yields: 'text',
    // The default also stands in for a variable that is set but empty, as in confd.
    run: ({ env }, name, fallback) => (Object.hasOwn(env, name) ? env[name] : undefined) || (fallback ?? ''),
  }),
  define({
    name: 'fileExists',
    kind: 'boolean',
    params: ['text'],
    yields: 'boolean',
    run: (context, path) => ask<'file-exists'>(context, { type: 'file-exists', path }, false),
  }),
  define({
    name: 'file',
    params: ['text'],
    yields: 'text',
    run: (context, path) => ask<'file'>(context, { type: 'file', path }, ''),
  }),
  define({
    name: 'include',
    params: ['text'],
    optional: ['any'],
    yields: 'text',
    run: (context, name, data) => context.include(name, data),
  }),
];
