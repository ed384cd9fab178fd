/**
 * Where blocks or parentheses are nested beyond any sane template; undefined: nowhere. Handlebars' parser takes time
 * by the square of the depth, so this has to be known before it begins. Reads the source roughly, in one go.
 */
export function tooDeep(source: string): number | undefined {
  let blocks = 0;
  for (let at = source.indexOf('{{'); at >= 0; at = source.indexOf('{{', at)) {
    const escaped = source[at - 1] === '\\';
    at += 2;
    while (source[at] === '{' || source[at] === '~') at++;
    const kind = source[at];
    if (kind === '!') {
      const end = source.indexOf(source.startsWith('!--', at) ? '--' : '}}', at + 3);
      if (end < 0) return undefined;
      at = end;
      continue;
    }
    if (escaped) continue;
    if (kind === '#' || kind === '^') blocks++;
    if (kind === '/' && blocks > 0) blocks--;
    if (blocks > MAX_DEPTH) return at;
    let calls = 0;
    for (; at < source.length && !source.startsWith('}}', at); at++) {
      const char = source[at];
      if (char === '(') calls++;
      else if (char === ')') calls--;
      if (calls > MAX_DEPTH) return at;
      if (char === '"' || char === "'") {
        const end = source.indexOf(char, at + 1);
        if (end < 0) return undefined;
        at = end;
      }
    }
  }
  return undefined;
}

/** Far above what the strict pass allows, since this can mistake one thing for another. */
const MAX_DEPTH = 400;
