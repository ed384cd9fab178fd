import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replay } from './transcript.js';

const FOLDER = new URL('transcripts/', import.meta.url);
const { UPDATE_TRANSCRIPTS } = process.env;
const update = UPDATE_TRANSCRIPTS === '1';

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

describe('transcripts', () => {
  it('there are some', () => {
    expect(names.length).toBeGreaterThan(14);
  });

  for (const name of names) {
    it(name.replace('.txt', ''), () => {
      const file = new URL(name, FOLDER);
      const expected = readFileSync(file, 'utf8');
      const found = replay(expected);
      if (update) writeFileSync(file, found);
      else expect(found).toBe(expected);
    });
  }
});
