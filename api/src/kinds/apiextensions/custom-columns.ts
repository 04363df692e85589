/** Columns of `kubectl get` as a definition asks for them. */
import { ageSince } from '../../duration.ts'
import type { PrinterColumn } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { nameColumn } from '../columns.ts'
import { parseJsonPath } from './json-path.ts'
import type { ColumnDefinition } from './types.ts'

const AGE: ColumnDefinition = {
  name: 'Age',
  type: 'date',
  description: 'How long ago the object was created.',
  jsonPath: '.metadata.creationTimestamp',
}

/** The name first; the age where nothing else is asked for. */
export function customColumns(definitions: readonly ColumnDefinition[] = []): PrinterColumn<KubernetesObject>[] {
  return [nameColumn, ...(definitions.length > 0 ? definitions : [AGE]).map(columnOf)]
}

function columnOf({ name, type, description = '', priority = 0, jsonPath }: ColumnDefinition): PrinterColumn<KubernetesObject> {
  const { find } = readable(jsonPath)
  return {
    name,
    type: type as PrinterColumn<KubernetesObject>['type'],
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority > 0 && { priority: 1 as const }),
    value: (object, now) => cellOf(type, find(object)[0], now),
  }
}

/** The definition was judged when it was made; what cannot be read all the same shows nothing. */
function readable(jsonPath: string) {
  try {
    return parseJsonPath(jsonPath)
  } catch {
    return { find: () => [] }
  }
}

function cellOf(type: string, value: unknown, now: number): string | number | boolean | undefined {
  if (value === undefined || value === null) return undefined
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : undefined
    case 'number':
      return typeof value === 'number' ? value : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'date':
      if (typeof value !== 'string') return undefined
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageSince(value, now)
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
}
