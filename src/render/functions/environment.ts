import { ask, required } from './network.js';
import { define, FunctionError } from './types.js';

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
    name: 'mustEnv',
    params: ['text'],
    yields: 'text',
    run: ({ env }, name) => {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (!value) throw new FunctionError(`required environment variable ${name} is empty`);
      return value;
    },
  }),
  define({
    name: 'envOrDefault',
    params: ['text', 'text'],
    yields: 'text',
    // Unlike that of getenv, its default does not stand in for a variable that is set but empty.
    run: ({ env }, name, fallback) => (Object.hasOwn(env, name) ? env[name] : undefined) ?? fallback,
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
    run: (context, path) => required<'file'>(context, { type: 'file', path }, ''),
  }),
  define({
    name: 'include',
    params: ['text'],
    optional: ['any'],
    yields: 'text',
    run: (context, name, data) => context.include(name, data),
  }),
  // consul-template's name for it; a Go template's own {{define}}s are found by both.
  define({
    name: 'executeTemplate',
    params: ['text'],
    optional: ['any'],
    yields: 'text',
    run: (context, name, data) => context.include(name, data),
  }),
];
