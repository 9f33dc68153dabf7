import { OllamaError } from '../core/errors.js';
import type { InstalledModel } from '../core/wire.js';
import { formatAge } from '../format/age.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';
import { checkFields, fieldText } from './fields.js';
import type { Column } from './table.js';

/** The most tokens that a model was made for, where the list has it. */
export function contextLength(model: InstalledModel): number | undefined {
  return model.context_length ?? model.details.context_length;
}

/** The columns of the table of installed models; `now` in milliseconds since the epoch. */
function modelColumns(now: number): readonly Column<InstalledModel>[] {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return [
    { key: 'name', title: 'NAME', value: (m) => m.name, raw: (m) => m.name, shrink: 'middle' },
    {
      key: 'digest',
      title: 'ID',
      value: (m) => m.digest.replace(/^sha256:/, '').slice(0, 12),
      raw: (m) => m.digest,
      priority: 6,
    },
    {
      key: 'size',
      title: 'SIZE',
      value: (m) => (m.remote_host === undefined ? formatBytes(m.size) : '-'),
      raw: (m) => String(m.size),
      align: 'right',
    },
    {
      key: 'parameter_size',
      title: 'PARAMS',
      value: (m) => text(m.details.parameter_size),
      raw: (m) => text(m.details.parameter_size),
      align: 'right',
      priority: 1,
    },
    {
      key: 'quantization_level',
      title: 'QUANT',
      value: (m) => text(m.details.quantization_level),
      raw: (m) => text(m.details.quantization_level),
      priority: 3,
    },
    {
      key: 'context_length',
      title: 'CONTEXT',
      value: (m) => {
        const length = contextLength(m);
        return length === undefined ? '' : formatCount(length);
      },
      raw: (m) => String(contextLength(m) ?? ''),
      align: 'right',
      priority: 4,
    },
    {
      key: 'capabilities',
      title: 'CAN',
      value: (m) => (m.capabilities ?? []).filter((can) => can !== 'completion').join(' '),
      raw: (m) => (m.capabilities ?? []).join(','),
      priority: 5,
      shrink: 'end',
    },
    {
      key: 'modified_at',
      title: 'MODIFIED',
      value: (m) => formatAge(m.modified_at, now),
      raw: (m) => m.modified_at,
      priority: 2,
    },
  ];
}

/** How wide they usually are in a terminal, in cells. */
export const USUAL_WIDTHS: Readonly<Record<string, number>> = {
  name: 20,
  digest: 12,
  size: 8,
  parameter_size: 7,
  quantization_level: 8,
  capabilities: 24,
  modified_at: 13,
};

/** The fields of the shape, so that one which no model has today is no mistake. */
export const MODEL_FIELDS = [
  'name',
  'model',
  'size',
  'digest',
  'modified_at',
  'details',
  'capabilities',
  'context_length',
  'remote_host',
];

/** The columns that `--columns` names, or all. Throws `usage` that lists them. */
export function chooseColumns(asked: string | undefined, now: number): readonly Column<InstalledModel>[] {
  const columns = modelColumns(now);
  if (asked === undefined) return columns;
  return asked.split(',').map((word) => {
    const wanted = word.trim().toLowerCase();
    const column = columns.find(({ key, title }) => key === wanted || title.toLowerCase() === wanted);
    if (column) return column;
    const names = columns.map(({ key }) => key).join(', ');
    throw new OllamaError('usage', `There is no column "${word.trim()}". The columns are: ${names}.`);
  });
}

/** The columns of `--fields`: those of the table, and any other field of a model as it is. */
export function fieldColumns(fields: readonly string[], now: number): readonly Column<InstalledModel>[] {
  const columns = modelColumns(now);
  checkFields(fields, [...new Set([...MODEL_FIELDS, ...columns.map(({ key }) => key)])]);
  return fields.map((key) => {
    const text = (model: InstalledModel): string => fieldText(model[key]);
    return (
      columns.find((column) => column.key === key) ?? {
        key,
        title: key.toUpperCase(),
        value: text,
        raw: text,
      }
    );
  });
}
