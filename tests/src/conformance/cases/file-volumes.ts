/** Files of ConfigMaps and Secrets in plain and projected volumes: contents, paths, modes and owners. */
import assert from 'node:assert/strict'
import type { PodSpec } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, shell } from '../context.ts'
import { makeSource, mountOf, type Source, type SourceOptions, volumeFrom } from './volume-sources.ts'

const CONFIG_MAP: Source = { kind: 'ConfigMap', projected: false }
const SECRET: Source = { kind: 'Secret', projected: false }
const PROJECTED_CONFIG_MAP: Source = { kind: 'ConfigMap', projected: true }
const PROJECTED_SECRET: Source = { kind: 'Secret', projected: true }
const DATA = { 'data-1': 'value-1', 'data-2': 'value-2' }
const NON_ROOT: PodSpec['securityContext'] = { runAsUser: 1000 }
const MAPPED = { key: 'data-2', path: 'path/to/data' }

interface FileCase extends SourceOptions {
  row: string
  source: Source
  securityContext?: PodSpec['securityContext']
  /** The file that is read, and what it must have. */
  path?: string
  content?: string
  mode?: string
}

/** A pod that reads one file of a volume. */
async function readFile(context: CaseContext, file: FileCase): Promise<void> {
  const { row: _row, source, securityContext = {}, path = 'data-1', content = 'value-1', mode = '644', ...options } = file
  await makeSource(context, source, DATA)
  const script = `cat /volume/${path}; echo; stat -L -c %a /volume/${path}; find /volume/..data/ -type f | sort`
  const output = await context.output({
    securityContext,
    volumes: [volumeFrom(source, 'volume', options)],
    containers: [shell(script, { volumeMounts: [mountOf('volume')] })],
  })
  const [text, fileMode, ...files] = output.trim().split('\n')
  assert.equal(text, content)
  assert.equal(fileMode, mode)
  const expected = options.items?.map(item => item.path) ?? Object.keys(DATA)
  assert.deepEqual(
    files.map(name => name.replace('/volume/..data/', '')),
    expected,
  )
}

const FILES: readonly FileCase[] = [
  { row: 'ConfigMap volume readable with mode 0644', source: CONFIG_MAP },
  { row: 'ConfigMap volume readable by non-root with mode 0644', source: CONFIG_MAP, securityContext: NON_ROOT },
  { row: 'ConfigMap volume honours defaultMode', source: CONFIG_MAP, defaultMode: 0o400, mode: '400' },
  { row: 'Projected ConfigMap readable with default mode', source: PROJECTED_CONFIG_MAP },
  { row: 'Projected ConfigMap readable by non-root', source: PROJECTED_CONFIG_MAP, securityContext: NON_ROOT },
  { row: 'Projected ConfigMap honours defaultMode', source: PROJECTED_CONFIG_MAP, defaultMode: 0o400, mode: '400' },
  { row: 'Secret volume readable with mode 0644', source: SECRET },
  { row: 'Secret volume honours defaultMode', source: SECRET, defaultMode: 0o400, mode: '400' },
  { row: 'Projected Secret readable with default mode', source: PROJECTED_SECRET },
  { row: 'Projected Secret honours defaultMode', source: PROJECTED_SECRET, defaultMode: 0o400, mode: '400' },
  {
    row: 'Secret volume honours defaultMode and fsGroup for non-root',
    source: SECRET,
    defaultMode: 0o440,
    mode: '440',
    securityContext: { ...NON_ROOT, fsGroup: 1001 },
  },
  {
    row: 'Projected Secret honours defaultMode and fsGroup for non-root',
    source: PROJECTED_SECRET,
    defaultMode: 0o440,
    mode: '440',
    securityContext: { ...NON_ROOT, fsGroup: 1001 },
  },
  ...(
    [
      ['ConfigMap keys can be mapped to paths', CONFIG_MAP],
      ['Projected ConfigMap keys can be mapped to paths', PROJECTED_CONFIG_MAP],
      ['Secret keys can be mapped to paths', SECRET],
      ['Projected Secret keys can be mapped to paths', PROJECTED_SECRET],
    ] as const
  ).map(([row, source]) => ({ row, source, items: [MAPPED], path: MAPPED.path, content: 'value-2' })),
  ...(
    [
      ['ConfigMap item mode applies to mapped files', CONFIG_MAP],
      ['Projected ConfigMap item mode applies', PROJECTED_CONFIG_MAP],
      ['Secret item mode applies to mapped files', SECRET],
      ['Projected Secret item mode applies', PROJECTED_SECRET],
    ] as const
  ).map(([row, source]) => ({ row, source, items: [{ ...MAPPED, mode: 0o400 }], path: MAPPED.path, content: 'value-2', mode: '400' })),
  ...(
    [
      ['Mapped ConfigMap files readable by non-root', CONFIG_MAP],
      ['Mapped projected ConfigMap readable by non-root', PROJECTED_CONFIG_MAP],
    ] as const
  ).map(([row, source]) => ({ row, source, items: [MAPPED], path: MAPPED.path, content: 'value-2', securityContext: NON_ROOT })),
]

/** One object in two volumes of a pod. */
function twiceCase(row: string, source: Source): Case {
  return {
    row,
    run: async context => {
      await makeSource(context, source, DATA)
      const output = await context.output({
        volumes: [volumeFrom(source, 'first'), volumeFrom(source, 'second')],
        containers: [shell('cat /first/data-1 /second/data-1', { volumeMounts: [mountOf('first'), mountOf('second')] })],
      })
      assert.equal(output, 'value-1value-1')
    },
  }
}

export const cases: readonly Case[] = [
  ...FILES.map(file => ({ row: file.row, run: (context: CaseContext) => readFile(context, file) })),
  twiceCase('One ConfigMap can back two volumes of a pod', CONFIG_MAP),
  twiceCase('One ConfigMap can back two projected volumes', PROJECTED_CONFIG_MAP),
  twiceCase('One Secret can back two volumes of a pod', SECRET),
  twiceCase('One Secret can back two projected volumes', PROJECTED_SECRET),
  {
    row: 'Text and binary ConfigMap data appear in the volume',
    run: async context => {
      await context.configMap(
        'source',
        { 'data-1': 'value-1' },
        { binaryData: { 'dump.bin': Buffer.from('deca8f00ff', 'hex').toString('base64') } },
      )
      const output = await context.output({
        volumes: [volumeFrom(CONFIG_MAP, 'volume')],
        containers: [
          shell('cat /volume/data-1; echo; hexdump -v -e \'/1 "%02x"\' /volume/dump.bin', { volumeMounts: [mountOf('volume')] }),
        ],
      })
      assert.equal(output, 'value-1\ndeca8f00ff')
    },
  },
  {
    row: 'Secret volume ignores a same-named Secret in another namespace',
    run: async context => {
      await context.inOtherNamespace(async namespace => {
        await context.secret('source', { 'data-1': 'of others' }, { namespace })
        await readFile(context, { row: '', source: SECRET })
      })
    },
  },
  {
    row: 'Secret and ConfigMap volumes coexist in one pod',
    run: async context => {
      await makeSource(context, SECRET, { key: 'secret' }, 'one')
      await makeSource(context, CONFIG_MAP, { key: 'config' }, 'two')
      const output = await context.output({
        volumes: [volumeFrom(SECRET, 'one', { name: 'one' }), volumeFrom(CONFIG_MAP, 'two', { name: 'two' })],
        containers: [shell('cat /one/key /two/key', { volumeMounts: [mountOf('one'), mountOf('two')] })],
      })
      assert.equal(output, 'secretconfig')
    },
  },
  {
    row: 'Secret, ConfigMap and downwardAPI share one projected volume',
    run: async context => {
      await context.configMap('config', { key: 'from config' })
      await context.secret('secret', { key: 'from secret' })
      const output = await context.output({
        volumes: [
          {
            name: 'all',
            projected: {
              sources: [
                { downwardAPI: { items: [{ path: 'podname', fieldRef: { fieldPath: 'metadata.name' } }] } },
                { secret: { name: 'secret', items: [{ key: 'key', path: 'secret-key' }] } },
                { configMap: { name: 'config', items: [{ key: 'key', path: 'config-key' }] } },
              ],
            },
          },
        ],
        containers: [
          shell('cd /all; for file in podname secret-key config-key; do cat $file; echo; done', { volumeMounts: [mountOf('all')] }),
        ],
      })
      assert.equal(output, 'test\nfrom secret\nfrom config\n')
    },
  },
]
