#!/usr/bin/env node
// Before anything else may start libuv's thread pool: four threads would let a hash or a name look-up hold up
// fdatasync for milliseconds. An ES module is too late for this, since loading it uses the pool.
process.env.UV_THREADPOOL_SIZE ??= '16';
// Which threads are V8's own can be told only now, too (src/main/v8.ts). Other systems than Linux don't list them.
let helpers = [];
try {
  const threads = require('node:fs').readdirSync('/proc/self/task').map(Number);
  helpers = threads.filter((thread) => thread !== process.pid);
} catch {}
void import('../dist/main/confetd.js').then(({ main }) => main(helpers));
