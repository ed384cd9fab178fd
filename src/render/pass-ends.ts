import type { Lane } from './lane.js';
import type { Milestones } from './milestones.js';
import type { Outcomes } from './outcomes.js';
import type { PassResult } from './pipeline.js';
import type { Report } from './report.js';
import type { Result } from './result.js';
import type { Schedule } from './schedule.js';
import { isDue, reloadRestMs } from './stages/reload.js';
import type { Target } from './target.js';
import type { World } from './world.js';

export interface PassEndsPorts {
  readonly world: World;
  readonly schedule: Schedule;
  readonly outcomes: Outcomes;
  readonly report: Report;
  readonly milestones: Milestones;
  start(target: Target): void;
}

/**
 * Takes up how passes end: what each target is then, when what failed is tried again, and who is told. A failure is
 * told once; the same one again is only for debugging.
 */
export class PassEnds {
  readonly #ports: PassEndsPorts;

  constructor(ports: PassEndsPorts) {
    this.#ports = ports;
  }

  ended(lane: Lane, { results, reloaded }: PassResult): void {
    if (reloaded !== undefined) lane.failures = reloaded.ok ? 0 : lane.failures + 1;
    for (const result of results)
      this.#settle(result, reloaded !== undefined && !reloaded.ok ? reloaded.error : '');
    const retryInMs = this.#retryReload(lane);
    const { world } = this.#ports;
    if (reloaded !== undefined) {
      const { command, dests, ok, error, result } = reloaded;
      const { outcome, durationMs } = result;
      const { log } = world.ports;
      world.emit({ type: 'reload', command, dests, ok, outcome, durationMs, retryInMs });
      if (ok) log.info({ command, dests, ms: durationMs }, 'reloaded');
      else log.error({ command, dests, outcome, ms: durationMs, retryInMs }, error);
    }
    const dests = results
      .filter(({ status }) => status === 'written')
      .map(({ target }) => target.resource.dest);
    if (dests.length > 0) world.emit({ type: 'applied', dests });
  }

  /** Answers in how many milliseconds a reload that is owed is tried again; undefined: none is. */
  #retryReload(lane: Lane): number | undefined {
    const { world, schedule } = this.#ports;
    const owed = [...lane.members].some((target) => isDue(target, world));
    if (!owed || world.pass.noop || world.stopping.aborted) {
      schedule.forget(lane);
      return undefined;
    }
    const again = (): void => {
      lane.reloadAgain();
      lane.start();
    };
    return schedule.retry(lane, lane.failures, again, reloadRestMs(lane.members, world));
  }

  #settle(result: Result, reloadError: string): void {
    const { world, report, outcomes } = this.#ports;
    const { target, attempt, status, reason, revision, swappedAtMs } = result;
    report.passed(result);
    if (status === 'stopped') return;
    const isFirst = !target.tried;
    const isNews = target.lastError !== reason;
    target.tried = true;
    target.lastError = reason;
    if (status === 'failed') this.#failed(result, isNews);
    else if (status === 'held') this.#held(result, isNews);
    else this.#applied(result, isFirst);
    if (attempt.range === undefined) return;
    outcomes.record({
      dest: target.resource.dest,
      range: attempt.range,
      revision,
      swappedAtMs,
      endedAtMs: world.ports.clock.monotonicMs(),
      error: reason === '' ? reloadError : reason,
    });
  }

  #failed({ target, reason, revision }: Result, isNews: boolean): void {
    const { world, schedule } = this.#ports;
    const { name, dest } = target.resource;
    target.phase = 'failed';
    target.failures++;
    const retryInMs = schedule.retry(target, target.failures, () => {
      target.answers.clear();
      target.trigger = 'retry';
      this.#ports.start(target);
    });
    world.ports.log[isNews ? 'error' : 'debug']({ dest, resource: name, revision, retryInMs }, reason);
    if (isNews) world.emit({ type: 'failed', resource: name, dest, revision, error: reason, retryInMs });
  }

  #held({ target, reason }: Result, isNews: boolean): void {
    const { world } = this.#ports;
    const { name, dest } = target.resource;
    target.phase = 'held';
    target.failures = 0;
    if (!isNews) return;
    world.ports.log.warn({ dest, resource: name }, reason);
    world.emit({ type: 'held', resource: name, dest, reason });
  }

  #applied({ target, status, revision }: Result, isFirst: boolean): void {
    const { world, milestones } = this.#ports;
    const { name, dest } = target.resource;
    target.phase = status === 'would change' ? 'pending' : 'in_sync';
    target.failures = 0;
    target.appliedRevision = revision;
    if (status === 'written') milestones.wrote();
    if (status === 'in sync' && isFirst) world.emit({ type: 'in sync', resource: name, dest, revision });
  }
}
