/** For tests: a kind with every relation of lists and maps. */
import { z } from 'zod'
import { defineKind } from '../kind.ts'
import { describeSchema } from '../schema/describe.ts'
import { anyObject, field, int32, list, object, string, stringMap, strings } from '../schema/fields.ts'

const widgetKind = defineKind({
  group: 'test',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
  description: 'Something to apply',
  columns: [],
  schema: () => {
    const port = object('WidgetPort', 'A port.', {
      port: int32('Number.'),
      protocol: string('Protocol.').meta({ default: 'TCP' }),
      name: string('Name.'),
    })
    const selector = object('WidgetSelector', 'Which.', { labels: stringMap('Labels.') }).meta({ mapType: 'atomic' })
    const part = object('WidgetPart', 'A part.', {
      name: string('Name.'),
      image: string('Image.'),
      args: strings('Arguments.'),
      ports: list(port, 'Ports.', { mergeKey: 'port', listMapKeys: ['port', 'protocol'] }),
    })
    const spec = object('WidgetSpec', 'What is wanted.', {
      replicas: int32('How many.'),
      selector: field(selector, 'Which.'),
      nodes: stringMap('Where.').meta({ mapType: 'atomic' }),
      groups: strings('Groups.', { listType: 'set' }),
      parts: list(part, 'Parts.', { mergeKey: 'name' }),
      data: stringMap('Data.'),
      free: anyObject('Anything.'),
    })
    return z.object({ spec: field(spec, 'What is wanted.'), status: field(spec, 'What is.') })
  },
})

export const WIDGET = describeSchema(widgetKind)
