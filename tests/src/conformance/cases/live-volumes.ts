/** Volumes that follow their sources while a pod runs. */
import assert from 'node:assert/strict'
import { configMapKind, type Kind, type KubernetesObject, podKind, secretKind } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell } from '../context.ts'
import { makeSource, mountOf, type Source, volumeFrom } from './volume-sources.ts'

/** Sets a key of a source as an edit would. */
async function edit(context: CaseContext, { kind }: Source, name: string, key: string, value: string): Promise<void> {
  const target = { namespace: context.namespace, name }
  const options = { fieldValidation: 'Strict' } as const
  if (kind === 'Secret') {
    const data = { [key]: Buffer.from(value).toString('base64') }
    await context.resource(secretKind).patch(target, { type: 'merge', body: { data } }, options)
  } else {
    await context.resource(configMapKind).patch(target, { type: 'merge', body: { data: { [key]: value } } }, options)
  }
}

async function untilFile(context: CaseContext, path: string, content: string): Promise<void> {
  await context.eventually(
    `"${content}" in ${path}`,
    async () => (await context.exec('test', ['cat', path])).stdout,
    text => text === content,
  )
}

/** An edit of a mounted object reaches the file. */
function editCase(row: string, source: Source): Case {
  return {
    row,
    run: async context => {
      await makeSource(context, source, { 'data-1': 'value-1' })
      await context.start('test', {
        volumes: [volumeFrom(source, 'volume')],
        containers: [shell(HEEDS_TERM, { volumeMounts: [mountOf('volume')] })],
      })
      await untilFile(context, '/volume/data-1', 'value-1')
      await edit(context, source, 'source', 'data-1', 'value-2')
      await untilFile(context, '/volume/data-1', 'value-2')
    },
  }
}

/** Optional sources: one goes, one changes and one comes while the pod runs. */
function optionalCase(row: string, source: Source): Case {
  return {
    row,
    run: async context => {
      const names = ['goes', 'changes', 'comes']
      await makeSource(context, source, { 'data-1': 'value-1' }, 'goes')
      await makeSource(context, source, { 'data-1': 'value-1' }, 'changes')
      await context.start('test', {
        volumes: names.map(name => volumeFrom(source, name, { name, optional: true })),
        containers: [shell(HEEDS_TERM, { volumeMounts: names.map(mountOf) })],
      })
      await untilFile(context, '/goes/data-1', 'value-1')
      assert.equal(await context.inside('test', 'ls /comes'), '')
      const kind = (source.kind === 'Secret' ? secretKind : configMapKind) as unknown as Kind<KubernetesObject>
      await context.resource(kind).delete({ namespace: context.namespace, name: 'goes' })
      await edit(context, source, 'changes', 'data-3', 'value-3')
      await makeSource(context, source, { 'data-1': 'value-1' }, 'comes')
      await untilFile(context, '/comes/data-1', 'value-1')
      await untilFile(context, '/changes/data-3', 'value-3')
      await context.eventually('the end of the deleted one', async () => (await context.inside('test', 'ls /goes')) === '')
    },
  }
}

/** Metadata of a running pod reaches the file. */
function metadataCase(row: string, projected: boolean, field: 'labels' | 'annotations'): Case {
  return {
    row,
    run: async context => {
      const items = [{ path: field, fieldRef: { fieldPath: `metadata.${field}` } }]
      const volume = projected ? { projected: { sources: [{ downwardAPI: { items } }] } } : { downwardAPI: { items } }
      await context.start(
        'test',
        { volumes: [{ name: 'info', ...volume }], containers: [shell(HEEDS_TERM, { volumeMounts: [mountOf('info')] })] },
        { [field]: { key1: 'value1', key2: 'value2' } },
      )
      const expect = (lines: string[]) =>
        context.eventually(
          `${lines} in the file`,
          async () => await context.inside('test', `grep ^key /info/${field}`),
          text => text === lines.join('\n'),
        )
      await expect(['key1="value1"', 'key2="value2"'])
      const body = { metadata: { [field]: { key2: null, key3: 'value3' } } }
      await context.resource(podKind).patch({ namespace: context.namespace, name: 'test' }, { type: 'merge', body })
      await expect(['key1="value1"', 'key3="value3"'])
    },
  }
}

const CONFIG_MAP: Source = { kind: 'ConfigMap', projected: false }
const SECRET: Source = { kind: 'Secret', projected: false }
const PROJECTED_CONFIG_MAP: Source = { kind: 'ConfigMap', projected: true }
const PROJECTED_SECRET: Source = { kind: 'Secret', projected: true }

export const cases: readonly Case[] = [
  editCase('ConfigMap edits reach the mounted file', CONFIG_MAP),
  editCase('ConfigMap edits reach the projected volume', PROJECTED_CONFIG_MAP),
  optionalCase("Optional ConfigMaps created, updated or deleted later show up in a running pod's volume", CONFIG_MAP),
  optionalCase('Optional projected ConfigMaps created, updated or deleted later show up live', PROJECTED_CONFIG_MAP),
  optionalCase("Optional Secrets created, updated or deleted later show up in a running pod's volume", SECRET),
  optionalCase('Optional projected Secrets created, updated or deleted later show up live', PROJECTED_SECRET),
  metadataCase('Annotation edits reach the downwardAPI file', false, 'annotations'),
  metadataCase('Label edits reach the downwardAPI file', false, 'labels'),
  metadataCase('Annotation edits reach the projected file', true, 'annotations'),
  metadataCase('Label edits reach the projected file', true, 'labels'),
]
