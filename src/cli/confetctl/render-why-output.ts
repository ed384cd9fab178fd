import type {
  CommandStatus,
  RenderCause,
  RenderPass,
  RenderWhyResponse,
} from '../../proto/generated/render.js';
import { goJson, type Json } from '../output/go-json.js';
import { ago, commandJson, instant, oneLine, timeJson } from './render-words.js';

/** For a person: a paragraph for the file, one for its last render, and one for each kind of dependency. */
export function whyText(response: RenderWhyResponse, nowMs: number): string {
  return [about(response), lately(response, nowMs), dependencies(response)]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${plain(line)}\n`).join(''))
    .join('\n');
}

const STATES: Readonly<Record<string, string>> = { in_sync: 'in sync' };

function about({ status, file, line, templateFiles, item }: RenderWhyResponse): string[] {
  if (status === undefined) return [];
  const { name, dest, state, appliedRevision, wantedRevision, pending, lastError, warning } = status;
  const [template = status.src, ...partials] = templateFiles;
  const at = appliedRevision === 0 ? '' : ` at revision ${appliedRevision}`;
  return [
    `${dest}: ${STATES[state] ?? state}${at}${at !== '' && appliedRevision < wantedRevision ? `, the keys are at ${wantedRevision}` : ''}`,
    ...(lastError === '' ? [] : [field('because', oneLine(lastError))]),
    ...(pending === '' ? [] : [field('to do', pending)]),
    ...(warning === '' ? [] : [field('warning', oneLine(warning))]),
    field('resource', `${name} (${file}:${line})`),
    ...(item === '' ? [] : [field('item', item)]),
    field('template', template),
    ...partials.map((path) => field('', path)),
  ];
}

/** The changes, the pass that they caused, and the passes since. */
function lately(
  { status, cause, caused, newest, verify, passes }: RenderWhyResponse,
  nowMs: number,
): string[] {
  const lines: string[] = [];
  if (cause !== undefined) {
    lines.push(`last change: revision ${cause.revision}, ${when(cause.at, nowMs)}`);
    lines.push(...changed(cause));
    if (caused !== undefined) lines.push(field('then', passWords(caused, nowMs)));
  } else {
    lines.push('no change has caused a render since the renderer started');
    if (newest !== undefined && newest.revision > 0)
      lines.push(field('newest key', `${newest.key}  revision ${newest.revision}`));
  }
  const commands: readonly (readonly [string, CommandStatus | undefined])[] = [
    ['check', status?.check],
    ['verify', verify],
    ['reload', status?.reload],
  ];
  for (const [name, record] of commands) {
    if (record === undefined || record.at === 0) continue;
    lines.push(
      field(name, `${record.outcome}, ${ago(record.at, nowMs)} ago, took ${duration(record.durationMs)}`),
    );
  }
  if (passes.length > 0) lines.push('last passes, the newest first:');
  for (const pass of passes) lines.push(`  ${passWords(pass, nowMs)}`);
  return lines;
}

function changed({ count, keys }: RenderCause): string[] {
  const lines = keys.map(({ key, revision, deleted }) =>
    field(deleted ? 'delete' : 'put', `${key}${revision === 0 ? '' : `  revision ${revision}`}`),
  );
  const more = count - keys.length;
  return more > 0 ? [...lines, field('', `and ${more} more`)] : lines;
}

const TRIGGERS: Readonly<Record<string, string>> = {
  change: 'keys changed',
  start: 'the renderer started',
  keys: 'the keys were loaded anew',
  configuration: 'the resource or its template changed',
  retry: 'tried again',
  reconcile: 'reconciled',
  resume: 'resumed',
  accept: 'the source was accepted',
  group: 'another file of its group or reload',
};

/** `written at revision 7, 3m2s ago, took 1.7 ms (keys changed)` */
function passWords(pass: RenderPass, nowMs: number): string {
  const at = pass.revision === 0 ? '' : ` at revision ${pass.revision}`;
  const times = pass.times > 1 ? `, ${pass.times} times` : '';
  const why = pass.reason === '' ? '' : `: ${oneLine(pass.reason)}`;
  const trigger = TRIGGERS[pass.trigger] ?? pass.trigger;
  return `${pass.outcome}${at}, ${ago(pass.at, nowMs)} ago, took ${duration(pass.durationMs)} (${trigger}${times})${why}`;
}

function dependencies(response: RenderWhyResponse): string[] {
  const { known, subtrees, keys, globs, folders, others, hasRevisions } = response;
  const revision = (one: number): string => (one === 0 || !hasRevisions ? '' : `  revision ${one}`);
  if (!known) return [`not rendered yet: every key of ${subtrees.map((one) => `${one}/`).join(', ')} counts`];
  return [
    ...section('keys', keys, ({ key, exists, revision: at }) =>
      exists ? `${key}${revision(at)}` : `${key}  doesn't exist`,
    ),
    ...section(
      'globs',
      globs,
      ({ glob, matches, revision: at }) =>
        `${glob}  ${counted(matches, 'key')}${at === 0 || !hasRevisions ? '' : `, the newest of revision ${at}`}`,
    ),
    ...section('folders', folders, ({ folder, names }) => `${folder}  ${counted(names, 'name')}`),
    ...section('besides keys', others, ({ kind, name, state }) =>
      [kind === 'file-exists' ? 'file' : kind, name, ` ${oneLine(state)}`]
        .filter((word) => word !== '')
        .join(' '),
    ),
  ];
}

function section<T>(
  name: string,
  list: { readonly count: number; readonly list: readonly T[] } | undefined,
  words: (one: T) => string,
): string[] {
  if (list === undefined || list.count === 0) return [];
  const more = list.count - list.list.length;
  const rest = more > 0 ? [`  and ${more} more (--limit)`] : [];
  return [`${name}: ${list.count}`, ...list.list.map((one) => `  ${words(one)}`), ...rest];
}

/** As data: times in RFC 3339, names as the request's fields have them. */
export function whyJson(response: RenderWhyResponse, _nowMs: number): string {
  const { status, cause, caused, newest } = response;
  const json: Json = {
    dest: status?.dest,
    resource: status?.name,
    file: response.file,
    line: response.line,
    template: response.templateFiles[0],
    template_files: response.templateFiles,
    item: response.item === '' ? null : response.item,
    state: status?.state,
    applied_revision: status?.appliedRevision,
    wanted_revision: status?.wantedRevision,
    pending: status?.pending,
    last_error: status?.lastError,
    warning: status?.warning,
    known: response.known,
    subtrees: response.subtrees,
    keys: list(response.keys, ({ key, exists, revision }) => ({ key, exists, revision })),
    globs: list(response.globs, ({ glob, matches, revision }) => ({ glob, matches, revision })),
    folders: list(response.folders, ({ folder, names }) => ({ folder, names })),
    others: list(response.others, ({ kind, name, state }) => ({ kind, name, state })),
    newest: newest === undefined ? null : { key: newest.key, revision: newest.revision },
    cause:
      cause === undefined
        ? null
        : {
            revision: cause.revision,
            at: timeJson(cause.at),
            count: cause.count,
            keys: cause.keys.map(({ key, revision, deleted }) => ({
              key,
              revision,
              type: deleted ? 'delete' : 'put',
            })),
          },
    caused: caused === undefined ? null : passJson(caused),
    passes: response.passes.map(passJson),
    check: commandJson(status?.check),
    verify: commandJson(response.verify),
    reload: commandJson(status?.reload),
  };
  return `${goJson(json)}\n`;
}

function list<T>(
  one: { readonly count: number; readonly list: readonly T[] } | undefined,
  json: (each: T) => Json,
): Json {
  return { count: one?.count ?? 0, list: (one?.list ?? []).map(json) };
}

function passJson(pass: RenderPass): Json {
  return {
    at: timeJson(pass.at),
    duration_ms: pass.durationMs,
    trigger: pass.trigger,
    revision: pass.revision,
    outcome: pass.outcome,
    reason: pass.reason,
    times: pass.times,
  };
}

function field(name: string, value: string): string {
  return `  ${name.padEnd(10)}  ${value}`;
}

function when(unixMs: number, nowMs: number): string {
  return `${instant(unixMs)} (${ago(unixMs, nowMs)} ago)`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Keys and errors must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}
