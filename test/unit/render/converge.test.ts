import fc from 'fast-check';
import { expect, it } from 'vitest';
import { systemError } from './memory-files.js';
import { Rig, resource } from './rig.js';

const KEYS = ['/a', '/s/1', '/s/2', '/b', '/elsewhere'];

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      key: fc.constantFrom(...KEYS),
      value: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...KEYS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('break' as const),
      what: fc.constantFrom('check', 'verify', 'reload xy', 'reload z', 'disk'),
      broken: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('edit' as const), name: fc.constantFrom('x', 'y', 'z') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 5000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('adopt' as const), without: fc.constantFrom('', 'x', 'z') }),
  },
);

it('whatever happens in between: once nothing fails any more, every file is the newest and its service has seen it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const rig = new Rig({ intervalMs: 30_000 })
        .template('x', 'x $/a')
        .template('y', 'y */s/*')
        .template('z', 'z $/b');
      const all = [
        resource('x', { reloadCmd: 'reload xy', checkCmd: 'check', subtrees: ['/a'] }),
        resource('y', { reloadCmd: 'reload xy', wait: { minMs: 50, maxMs: 200 }, subtrees: ['/s'] }),
        resource('z', { reloadCmd: 'reload z', verifyCmd: 'verify', subtrees: ['/b'] }),
      ];
      const broken = new Set<string>();
      const running = new Map<string, number>();
      const seen = new Map<string, (string | undefined)[]>();
      rig.files.fail = (at, path) =>
        broken.has('disk') && at === 'write' ? systemError('ENOSPC', path) : undefined;
      rig.onRun = async (command) => {
        running.set(command, (running.get(command) ?? 0) + 1);
        // One reload of a lane at a time.
        if (command.startsWith('reload')) expect(running.get(command)).toBe(1);
        const files = [rig.out('x'), rig.out('y'), rig.out('z')];
        await rig.clock.yield();
        // Nothing is swapped while its lane reloads.
        if (command === 'reload xy') expect([rig.out('x'), rig.out('y')]).toEqual(files.slice(0, 2));
        running.set(command, (running.get(command) ?? 0) - 1);
        if (broken.has(command)) return 1;
        seen.set(command, files);
        return 0;
      };
      for (const key of ['/a', '/b']) rig.source.keys.set(key, '0');
      rig.source.revision = 1;
      await rig.renderer.start();
      await rig.adopt(...all);
      rig.source.tell();
      for (const one of steps) {
        switch (one.do) {
          case 'put':
            rig.source.put({ [one.key]: String(one.value) });
            break;
          case 'delete':
            rig.source.put({ [one.key]: null });
            break;
          case 'break':
            if (one.broken) broken.add(one.what);
            else broken.delete(one.what);
            break;
          case 'edit':
            if (rig.out(one.name) !== undefined && running.get('reload xy') !== 1)
              rig.files.put(`/out/${one.name}`, 'by hand');
            break;
          case 'turns':
            for (let turn = 0; turn < one.count; turn++) await rig.clock.yield();
            break;
          case 'advance':
            rig.clock.advance(one.ms);
            break;
          case 'snapshot':
            rig.source.tell();
            break;
          case 'adopt':
            void rig.adopt(...all.filter(({ name }) => name !== one.without));
        }
      }
      broken.clear();
      await rig.adopt(...all);
      rig.source.tell();
      rig.source.put({ '/a': 'end', '/b': 'end' });
      // Longer than any retry, wait and reconcile.
      for (let count = 0; count < 40; count++) {
        await rig.renderer.idle();
        await rig.clock.yield();
        await rig.advance(4000);
      }
      const list = ['/s/1', '/s/2'].flatMap((key) => rig.source.keys.get(key) ?? []).join(',');
      const files = ['x end', `y ${list}`, 'z end'];
      expect([rig.out('x'), rig.out('y'), rig.out('z')]).toEqual(files);
      const { resources } = rig.renderer.status();
      expect(resources.map(({ state, pending }) => [state, pending])).toEqual(
        resources.map(() => ['in_sync', '']),
      );
      expect(seen.get('reload xy')?.slice(0, 2)).toEqual(files.slice(0, 2));
      expect(seen.get('reload z')?.[2]).toBe(files[2]);
      expect(rig.files.paths('/out')).toEqual(['/out/x', '/out/y', '/out/z']);
      expect((await rig.renderer.wait(rig.source.revision, 1)).timedOut).toBe(false);
      await rig.renderer.shutdown();
      expect(rig.clock.timers).toBe(0);
    }),
    { numRuns: 150 },
  );
});
