#!/usr/bin/env node
// Before anything else may start libuv's thread pool: four threads would let a hash or a name look-up hold up
// fdatasync for milliseconds. An ES module is too late for this, since loading it uses the pool.
process.env.UV_THREADPOOL_SIZE ??= '16';
void import('../dist/main/confetd.js');
