import { command } from './command.js';

export const memberList = command({
  name: 'member list',
  synopsis: '',
  description: 'In the simple format: ID, status, name, peer URLs, client URLs, is learner.',
  flags: {},
  async run(invocation) {
    const client = await invocation.client();
    const response = await client.memberList();
    await invocation.print((await invocation.printer()).memberList(response));
  },
});
