import { Lessor } from '../../../src/lease/lessor.js';
import type { Machine } from '../machine.js';
import { ProcessClock } from '../process-clock.js';
import { wrap } from '../wrap.js';
import type { Planted } from './types.js';

const machines = new WeakMap<ProcessClock, Machine>();

/** Every member judges leases by its own clock, though only the leader hears of renewals. */
export const expireOnFollower: Planted = {
  name: 'expire a lease on a follower',
  profile: 'clocks',
  seeds: 10,
  sabotage: (ports, machine) => {
    if (ports.clock instanceof ProcessClock) machines.set(ports.clock, machine);
    return ports;
  },
  plant: () =>
    wrap(
      Lessor.prototype,
      'grant',
      (grant) =>
        function (this: Lessor, txn, id, ttl) {
          grant.call(this, txn, id, ttl);
          const process = ProcessClock.current;
          process?.schedule(ttl * 1_000, () => {
            const member = machines.get(process)?.member;
            if (member !== undefined && member.leader !== member.identity.memberId)
              member.leaseRevoke({ ID: id }).catch(() => undefined);
          });
        },
    ),
};
