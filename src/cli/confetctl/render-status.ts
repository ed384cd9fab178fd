import type { CommandStatus, RenderStatusResponse, ResourceStatus } from '../../proto/generated/render.js';
import { EXIT, ExitError } from '../exit-error.js';
import { goJson, type Json } from '../output/go-json.js';
import { goQuote } from '../output/go-text.js';
import { table } from '../output/table.js';
import { command } from './command.js';
import { withoutRenderer } from './render-dest.js';
import { ago, commandJson, instant, oneLine, timeJson } from './render-words.js';

export const renderStatus = command({
  name: 'render status',
  synopsis: '',
  flags: {},
  async run(invocation) {
    const client = await invocation.client();
    const format = formatOf(invocation.globals['write-out']);
    let response: RenderStatusResponse;
    try {
      response = await client.renderStatus();
    } catch (error) {
      throw withoutRenderer(error);
    }
    await invocation.print(format(response, invocation.ports.clock.wallMs()));
  },
});

type Format = (response: RenderStatusResponse, nowMs: number) => string;

function formatOf(name: string): Format {
  switch (name) {
    case 'simple':
    case 'table':
      return asTable;
    case 'json':
      return asJson;
    case 'fields':
      return asFields;
    case 'protobuf':
      throw new ExitError(EXIT.badFeature, `${name} not supported as output format`);
    default:
      throw new ExitError(EXIT.badFeature, 'unsupported output format');
  }
}

const HEAD = [
  'resource',
  'dest',
  'state',
  'applied',
  'wanted',
  'last check',
  'last reload',
  'last error',
  'pending',
];

function cells(resource: ResourceStatus, nowMs: number): string[] {
  return [
    resource.name,
    resource.dest,
    resource.state,
    String(resource.appliedRevision),
    String(resource.wantedRevision),
    outcome(resource.check, nowMs),
    outcome(resource.reload, nowMs),
    oneLine(resource.lastError),
    resource.pending,
  ];
}

const asTable: Format = (response, nowMs) => {
  const { resources, configErrors } = response;
  return [
    `${sourceLine(response, nowMs)}\n`,
    resources.length === 0
      ? 'no resource in conf.d\n'
      : table(
          HEAD,
          resources.map((resource) => cells(resource, nowMs)),
          'left',
        ),
    ...resources.flatMap(({ warning }) => (warning === '' ? [] : [`warning: ${warning}\n`])),
    ...configErrors.map((error) => `config error: ${error}\n`),
  ].join('');
};

/** `source etcdv3 at revision 57, seen 12s ago: lost since 2026-11-21T12:00:00Z (3m2s): h:2379: connection refused` */
function sourceLine(response: RenderStatusResponse, nowMs: number): string {
  const { source, sourceRevision, sourceRevisionAt, sourceState, sourceSince, sourceWhere, sourceError } =
    response;
  const seen = sourceRevisionAt === 0 ? '' : `, seen ${ago(sourceRevisionAt, nowMs)} ago`;
  const at = `source ${source} at revision ${sourceRevision}${seen}`;
  const since = `since ${instant(sourceSince)} (${ago(sourceSince, nowMs)})`;
  switch (sourceState) {
    case '':
      return at;
    case 'idle':
      return `source ${source}: no key is wanted`;
    case 'connected':
      return `${at}: connected to ${sourceWhere}`;
    case 'lost':
      return `${at}: lost ${since}: ${oneLine(sourceError)}`;
    default:
      return `${at}: ${sourceState} ${since}`;
  }
}

const asJson: Format = (response) => {
  const json: Json = {
    source: response.source,
    source_revision: response.sourceRevision,
    source_seen: timeJson(response.sourceRevisionAt),
    source_state: response.sourceState,
    source_since: timeJson(response.sourceSince),
    source_where: response.sourceWhere,
    source_error: response.sourceError,
    config_errors: response.configErrors,
    resources: response.resources.map((resource) => ({
      name: resource.name,
      src: resource.src,
      dest: resource.dest,
      state: resource.state,
      applied_revision: resource.appliedRevision,
      wanted_revision: resource.wantedRevision,
      check: commandJson(resource.check),
      reload: commandJson(resource.reload),
      last_error: resource.lastError,
      pending: resource.pending,
      renders: resource.renders,
      swaps: resource.swaps,
      drifts: resource.drifts,
      reloads: resource.reloads,
      failed_reloads: resource.failedReloads,
      swapped: timeJson(resource.swappedAt),
      failures: resource.failures,
      succeeded: timeJson(resource.succeededAt),
      render_ms: resource.renderMs,
      warning: resource.warning,
    })),
  };
  return `${goJson(json)}\n`;
};

const asFields: Format = (response, nowMs) => {
  const field = (name: string, value: string | number): string => `"${name}" : ${value}\n`;
  const resources = response.resources.map((resource) => {
    const [, , , , , check = '', reload = ''] = cells(resource, nowMs);
    return [
      field('Resource', goQuote(resource.name)),
      field('Src', goQuote(resource.src)),
      field('Dest', goQuote(resource.dest)),
      field('State', goQuote(resource.state)),
      field('AppliedRevision', resource.appliedRevision),
      field('WantedRevision', resource.wantedRevision),
      field('LastCheck', goQuote(check)),
      field('LastReload', goQuote(reload)),
      field('LastError', goQuote(resource.lastError)),
      field('Pending', goQuote(resource.pending)),
      field('Renders', resource.renders),
      field('Swaps', resource.swaps),
      field('Drifts', resource.drifts),
      field('Reloads', resource.reloads),
      field('FailedReloads', resource.failedReloads),
      field('Warning', goQuote(resource.warning)),
      '\n',
    ].join('');
  });
  return [
    field('Source', goQuote(response.source)),
    field('SourceRevision', response.sourceRevision),
    field('SourceSeen', goQuote(instantOrDash(response.sourceRevisionAt))),
    field('SourceState', goQuote(response.sourceState)),
    field('SourceSince', goQuote(instantOrDash(response.sourceSince))),
    field('SourceWhere', goQuote(response.sourceWhere)),
    field('SourceError', goQuote(response.sourceError)),
    ...response.configErrors.map((error) => field('ConfigError', goQuote(error))),
    '\n',
    ...resources,
  ].join('');
};

/** `exit 0, 12s ago`; `-`: it never ran. */
function outcome(status: CommandStatus | undefined, nowMs: number): string {
  if (status === undefined || status.at === 0) return '-';
  return `${status.outcome}, ${ago(status.at, nowMs)} ago`;
}

function instantOrDash(unixMs: number): string {
  return unixMs === 0 ? '-' : instant(unixMs);
}
