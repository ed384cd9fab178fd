import { layoutTime } from './fmt/time.js';
import { define } from './types.js';
import { Time } from './values.js';

export const timeFunctions = [
  // Stands still until a dependency of the template changes, so that it causes no reload by itself.
  define({
    name: 'datetime',
    params: [],
    optional: ['text'],
    run: ({ nowMs }, layout) => (layout === undefined ? new Time(nowMs) : layoutTime(nowMs, layout)),
  }),
  define({
    name: 'timestamp',
    params: [],
    optional: ['text'],
    yields: 'text',
    run: ({ nowMs }, layout) =>
      layout === 'unix'
        ? String(Math.floor(nowMs / 1000))
        : layoutTime(nowMs, layout ?? '2006-01-02T15:04:05Z07:00'),
  }),
];
