/** What a pod is told of itself in files, in plain and projected volumes. */
import assert from 'node:assert/strict'
import { type DownwardApiVolumeFile, nodeKind, parseMilli, parseQuantity, type Volume } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, shell } from '../context.ts'
import { mountOf } from './volume-sources.ts'

const RESOURCES = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } }
const BYTES_OF_MI = 1 << 20

function volume(projected: boolean, items: DownwardApiVolumeFile[], defaultMode?: number): Volume {
  const mode = defaultMode === undefined ? {} : { defaultMode }
  return projected
    ? { name: 'info', projected: { ...mode, sources: [{ downwardAPI: { items } }] } }
    : { name: 'info', downwardAPI: { ...mode, items } }
}

function resourceFile(resource: string, divisor?: string): DownwardApiVolumeFile {
  return { path: 'value', resourceFieldRef: { containerName: 'main', resource, ...(divisor && { divisor }) } }
}

function resourceCase(row: string, projected: boolean, { file, value }: { file: DownwardApiVolumeFile; value: string }): Case {
  return {
    row,
    run: async context => {
      const output = await context.output({
        volumes: [volume(projected, [file])],
        containers: [shell('cat /info/value', { resources: RESOURCES, volumeMounts: [mountOf('info')] })],
      })
      assert.equal(output, value)
    },
  }
}

/** Without a limit of its own a container may use what its node has to give. */
function allocatableCase(row: string, projected: boolean, resource: 'cpu' | 'memory'): Case {
  return {
    row,
    run: async context => {
      const output = await context.output({
        volumes: [volume(projected, [resourceFile(`limits.${resource}`, resource === 'cpu' ? '1m' : '1')])],
        containers: [shell('cat /info/value', { volumeMounts: [mountOf('info')] })],
      })
      const { spec } = await context.pod('test')
      const node = await context.resource(nodeKind).get({ name: spec.nodeName ?? '' })
      const quantity = String(node.status?.allocatable?.[resource])
      assert.equal(Number(output), resource === 'cpu' ? parseMilli(quantity) : parseQuantity(quantity))
    },
  }
}

async function readName(context: CaseContext, projected: boolean, modes: { defaultMode?: number; mode?: number }): Promise<string[]> {
  const file = { path: 'podname', fieldRef: { fieldPath: 'metadata.name' }, ...(modes.mode !== undefined && { mode: modes.mode }) }
  const output = await context.output(
    {
      volumes: [volume(projected, [file], modes.defaultMode)],
      containers: [shell('cat /info/podname; echo; stat -L -c %a /info/podname', { volumeMounts: [mountOf('info')] })],
    },
    { name: 'named' },
  )
  return output.trim().split('\n')
}

function nameCase(row: string, projected: boolean, modes: { defaultMode?: number; mode?: number }, mode: string): Case {
  return { row, run: async context => assert.deepEqual(await readName(context, projected, modes), ['named', mode]) }
}

export const cases: readonly Case[] = [false, true].flatMap(projected => {
  const file = projected ? 'a projected downwardAPI file' : 'a downwardAPI file'
  return [
    resourceCase(`cpu limit readable from ${file}`, projected, { file: resourceFile('limits.cpu'), value: '2' }),
    resourceCase(`cpu request readable from ${file}`, projected, { file: resourceFile('requests.cpu', '1m'), value: '250' }),
    resourceCase(`memory limit readable from ${file}`, projected, { file: resourceFile('limits.memory'), value: String(64 * BYTES_OF_MI) }),
    resourceCase(`memory request readable from ${file}`, projected, { file: resourceFile('requests.memory', '1Mi'), value: '32' }),
    allocatableCase(
      projected ? 'projected cpu limit defaults to node allocatable' : 'cpu limit file defaults to node allocatable',
      projected,
      'cpu',
    ),
    allocatableCase(
      projected ? 'projected memory limit defaults to node allocatable' : 'memory limit file defaults to node allocatable',
      projected,
      'memory',
    ),
    nameCase(`Pod name readable from ${file}`, projected, {}, '644'),
    nameCase(
      projected ? 'Projected downwardAPI defaultMode applies' : 'downwardAPI defaultMode applies',
      projected,
      { defaultMode: 0o400 },
      '400',
    ),
    nameCase(
      projected ? 'Projected downwardAPI item mode applies' : 'downwardAPI item mode applies',
      projected,
      { defaultMode: 0o444, mode: 0o400 },
      '400',
    ),
  ]
})
