import { type AnswerOf, type Need, NeedFailure } from './needs.js';
import { define, type FunctionContext, FunctionError } from './types.js';
import { ServiceRecord, type Value } from './values.js';

/**
 * Names and addresses. Sorted, since a name server shuffles its answers and a file must not change for that. A name
 * that doesn't exist has no addresses; a lookup that failed is an error in Handlebars, and empty, as in confd, in Go.
 */
export const networkFunctions = [
  define({ name: 'lookupIP', kind: 'list', params: ['text'], yields: 'texts', run: addresses }),
  define({
    name: 'lookupIPV4',
    kind: 'list',
    params: ['text'],
    yields: 'texts',
    run: (context, host) => addresses(context, host).filter(isV4),
  }),
  define({
    name: 'lookupIPV6',
    kind: 'list',
    params: ['text'],
    yields: 'texts',
    run: (context, host) => addresses(context, host).filter((address) => !isV4(address)),
  }),
  define({
    name: 'lookupSRV',
    kind: 'list',
    params: ['text', 'text', 'text'],
    run: (context, service, proto, domain): Value =>
      ask<'service'>(context, { type: 'service', service, proto, domain }, [])
        .map(
          ({ target, port, priority, weight }) =>
            new ServiceRecord(hostOf(context, target), port, priority, weight),
        )
        .sort((a, b) => compare(sortKey(a), sortKey(b))),
  }),
  define({
    name: 'lookupIfaceIPV4',
    params: ['text'],
    yields: 'text',
    run: (context, name) => ask<'interface'>(context, { type: 'interface', name }, []).find(isV4) ?? '',
  }),
  define({
    name: 'lookupIfaceIPV6',
    params: ['text'],
    yields: 'text',
    run: (context, name) =>
      ask<'interface'>(context, { type: 'interface', name }, []).find((address) => !isV4(address)) ?? '',
  }),
  define({
    name: 'hostname',
    params: [],
    yields: 'text',
    run: (context) => ask<'hostname'>(context, { type: 'hostname' }, ''),
  }),
];

function addresses(context: FunctionContext, host: string): readonly string[] {
  return [...ask<'address'>(context, { type: 'address', host }, [])].sort();
}

/** The answer; where the lookup failed, an error or, in Go templates, the empty answer. */
export function ask<T extends Need['type']>(
  context: FunctionContext,
  need: Need & { type: T },
  empty: AnswerOf[T],
): AnswerOf[T] {
  try {
    return required<T>(context, need, empty);
  } catch (error) {
    const lookedUp = error instanceof FunctionError && error.cause instanceof NeedFailure;
    if (lookedUp && context.language === 'go') return empty;
    throw error;
  }
}

/** The answer; where the lookup failed, an error in both languages. `empty` stands in until it has been made. */
export function required<T extends Need['type']>(
  context: FunctionContext,
  need: Need & { type: T },
  empty: AnswerOf[T],
): AnswerOf[T] {
  try {
    return context.needs.ask<T>(need, empty);
  } catch (error) {
    if (!(error instanceof NeedFailure)) throw error;
    throw new FunctionError(error.message, { cause: error });
  }
}

/** Go's resolver answers a record's target with the root's dot at its end, which templates of confd's reckon with. */
function hostOf({ language }: FunctionContext, target: string): string {
  const bare = target.endsWith('.') ? target.slice(0, -1) : target;
  return language === 'go' ? `${bare}.` : bare;
}

function isV4(address: string): boolean {
  return !address.includes(':');
}

/** As confd sorts them: all fields written one after the other. */
function sortKey(record: ServiceRecord): string {
  return `${record.target}${record.port}${record.priority}${record.weight}`;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
