import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../src/preview/faults.js';

const resource = {
  position: { file: '/c/conf.d/a.toml', line: 3, column: 1 },
  srcPath: '/c/templates/a.tmpl',
};

describe('an error’s place', () => {
  it.each([
    ['/c/templates/p.hbs:4:2: unknown function x', '/c/templates/p.hbs', 4, 2],
    ['/c/conf.d/a.toml:7: dest /x is claimed', '/c/conf.d/a.toml', 7, 0],
    ['template: a.tmpl:2:5: executing "a.tmpl" at <getv "/x">: error', '/c/templates/a.tmpl', 2, 5],
    [
      'Unable to process template /c/templates/a.tmpl, template: a.tmpl:9: unexpected EOF',
      '/c/templates/a.tmpl',
      9,
      0,
    ],
    // Of another file only its name is known.
    ['template: other.tmpl:2:5: executing', '/c/conf.d/a.toml', 3, 1],
    ['a.hbs: line 2, column 3 of the text for /x is not json', '/c/conf.d/a.toml', 3, 1],
  ])('%s', (message, file, line, column) => {
    expect(problemOf(message, resource)).toMatchObject({ severity: 'error', file, line, column });
  });
});
