import { AlarmRequest_AlarmAction as Action, type AlarmResponse } from '../../proto/generated/etcd_rpc.js';
import { badArguments, command } from './command.js';

export const alarmList = command({
  name: 'alarm list',
  synopsis: '',
  flags: {},
  async run(invocation) {
    if (invocation.args.length > 0) throw badArguments('alarm list command accepts no arguments');
    const client = await invocation.client();
    const response = await client.alarm({ action: Action.Get });
    await invocation.print((await invocation.printer()).alarm(response));
  },
});

export const alarmDisarm = command({
  name: 'alarm disarm',
  synopsis: '',
  flags: {},
  async run(invocation) {
    if (invocation.args.length > 0) throw badArguments('alarm disarm command accepts no arguments');
    const client = await invocation.client();
    const raised = await client.alarm({ action: Action.Get });
    const disarmed: AlarmResponse = { header: undefined, alarms: [] };
    for (const { memberID, alarm } of raised.alarms) {
      const response = await client.alarm({ action: Action.Deactivate, memberID, alarm });
      disarmed.header = response.header;
      disarmed.alarms.push(...response.alarms);
    }
    await invocation.print((await invocation.printer()).alarm(disarmed));
  },
});
