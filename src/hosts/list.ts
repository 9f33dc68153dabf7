import type { Context } from '../context.js';
import { parseHost } from '../core/url.js';
import { describeHosts, withoutFlag, type HostRow } from './describe.js';
import { fieldColumn, tellList } from './tell.js';

const COLUMNS = [
  fieldColumn<HostRow>('name', 'NAME', ({ name }) => name, { shrink: 'never' }),
  fieldColumn<HostRow>('url', 'URL', ({ url }) => url, { shrink: 'middle' }),
  fieldColumn<HostRow>('default', 'DEFAULT', (row) => row.default, { priority: 1 }),
  fieldColumn<HostRow>('auth', 'AUTH', ({ auth }) => auth, { priority: 2 }),
  fieldColumn<HostRow>('insecure', 'INSECURE', ({ insecure }) => insecure, { priority: 2 }),
  fieldColumn<HostRow>('ca_file', 'CA FILE', (row) => row.ca_file, { priority: 3, shrink: 'middle' }),
];

/** Tells the configured hosts, with the one that is the default. Asks none of them. */
export async function listHosts(
  context: Context,
  { header = true }: { readonly header?: boolean },
): Promise<void> {
  const { config, io } = context;
  const rows = await describeHosts(config, io);
  const { settings, origins } = withoutFlag(config);
  const origin = origins.get('host');
  const from = origin?.name ?? origin?.file ?? 'nobody has chosen one';
  const url = parseHost(settings.host).url;
  await tellList(context, {
    rows,
    columns: COLUMNS,
    header,
    name: ({ name }) => name,
    below: [
      ...(rows.length === 0 ? ['No hosts are configured: ollama-cli hosts add NAME URL'] : []),
      ...(rows.every((row) => !row.default) ? [`The default is ${url}, which has no name (${from}).`] : []),
    ],
  });
}
