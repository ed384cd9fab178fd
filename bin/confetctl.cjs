#!/usr/bin/env node
// From Node 22 on, code compiled once is kept: half of a short command's time is compiling.
require('node:module').enableCompileCache?.();
void import('../dist/main/confetctl.js');
