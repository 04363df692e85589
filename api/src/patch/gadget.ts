/** For tests: a kind with every way of merging. */
import { z } from 'zod'
import { defineKind, type Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { field, int32, list, object, string, stringMap, strings } from '../schema/fields.ts'

export const gadgetKind: Kind<KubernetesObject> = defineKind<KubernetesObject>({
  group: 'test',
  version: 'v1',
  kind: 'Gadget',
  plural: 'gadgets',
  namespaced: true,
  description: 'Something to patch',
  columns: [],
  schema: () => {
    const env = object('GadgetEnv', 'A variable.', { name: string('Name.'), value: string('Value.') })
    const port = object('GadgetPort', 'A port.', { port: int32('Number.'), protocol: string('Protocol.') })
    const part = object('GadgetPart', 'A part.', {
      name: string('Name.'),
      image: string('Image.'),
      args: strings('Arguments.'),
      env: list(env, 'Variables.', { mergeKey: 'name' }),
      ports: list(port, 'Ports.', { mergeKey: 'port' }),
    })
    const volume = object('GadgetVolume', 'A volume.', {
      name: string('Name.'),
      emptyDir: stringMap('Empty.'),
      secret: stringMap('Secret.'),
    })
    const strategy = object('GadgetStrategy', 'How.', { type: string('Kind.'), rolling: stringMap('Details.') })
    const spec = object('GadgetSpec', 'What is wanted.', {
      replicas: int32('How many.'),
      selector: stringMap('Which.'),
      groups: strings('Groups.', { patchStrategy: 'merge' }),
      parts: list(part, 'Parts.', { mergeKey: 'name' }),
      volumes: list(volume, 'Volumes.', { mergeKey: 'name', patchStrategy: 'merge,retainKeys' }),
      strategy: field(strategy, 'How to replace.', { patchStrategy: 'retainKeys' }),
    })
    return z.object({ spec: field(spec, 'What is wanted.') })
  },
})
