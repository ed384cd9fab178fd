import { API_VERSION, packageVersion } from '../version.js';
import { command } from './command.js';

export const version = command({
  name: 'version',
  synopsis: '',
  flags: {},
  async run(invocation) {
    await invocation.print(`confetctl version: ${packageVersion()}\nAPI version: ${API_VERSION}\n`);
  },
});
