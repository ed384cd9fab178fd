#!/usr/bin/env node
import('../dist/main/confetctl.js');
