/** The verbs that are for every kind, on one of each kind there is. */
import assert from 'node:assert/strict'
import { apiVersionOf, KINDS, type Kind, qualifiedResource } from '@davit/api'
import { NAMES, SAMPLES } from '../../control-plane/kind-samples.ts'
import type { VerbCase } from '../case.ts'
import type { VerbContext } from '../context.ts'

type Json = Record<string, unknown>

/** Kinds that other tests make in other ways. */
const MORE: Readonly<Record<string, Json>> = {
  'deployments.apps': { spec: { replicas: 0, ...(SAMPLES['daemonsets.apps'] as { spec: Json }).spec } },
  endpoints: { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] },
  'endpointslices.discovery.k8s.io': { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }], ports: [{ port: 80 }] },
  namespaces: {},
  persistentvolumeclaims: {
    spec: { storageClassName: 'absent', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  },
  persistentvolumes: {
    spec: { storageClassName: 'absent', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Mi' }, hostPath: { path: '/tmp' } },
  },
  'replicasets.apps': { spec: { replicas: 0, ...(SAMPLES['daemonsets.apps'] as { spec: Json }).spec } },
  services: { spec: { ports: [{ port: 80 }] } },
  'storageclasses.storage.k8s.io': { provisioner: 'test.io/none' },
}
/** Events of either group are the same objects. */
const LEFT_OUT = new Set(['events'])
/** HorizontalPodAutoscalers of version 1 are those of version 2. */
const isAnothers = ({ view, group }: Kind) => view !== undefined && group === 'autoscaling'
/** What kubectl of then describes only as a beta version of the API, which was not to stay. */
const DESCRIBED_AS_BETA = [
  { kind: 'IPAddress', since: 27, until: 32 },
  { kind: 'ServiceCIDR', since: 29, until: 32 },
  { kind: 'VolumeAttributesClass', since: 31, until: 33 },
]
/** What other parts of the cluster write to while the test looks: their differences are not kubectl's. */
const isAlive = (kind: string) => ['Pod', 'Namespace', 'Node', 'ReplicationController'].includes(kind)

/** One of each that can be made, with what the version needs to be alone with it. */
function manifests({ version, namespace }: VerbContext): string {
  const made: Json[] = []
  for (const kind of KINDS) {
    const resource = qualifiedResource(kind)
    const sample = MORE[resource] ?? SAMPLES[resource]
    if (!sample || LEFT_OUT.has(resource) || isAnothers(kind)) continue
    const [, fixed] = NAMES[resource] ?? []
    const name = fixed?.startsWith('v1.') ? `v1.k${version}.test.io` : (fixed ?? `k${version}`)
    const metadata = { name, ...(kind.namespaced && { namespace }) }
    made.push({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, ...(typeof sample === 'function' ? sample(name) : sample) })
  }
  // An Event is in the namespace of what it is about.
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: made }).replaceAll('"namespace":"default"', `"namespace":"${namespace}"`)
}

const lines = (text: string) => text.trim().split('\n')

export const cases: readonly VerbCase[] = [
  {
    verb: 'every kind',
    what: 'create, get, describe, label, annotate, patch, edit, apply, diff, replace, wait, delete',
    alone: true,
    files: { editor: '#!/bin/sh\nsed -i "s/step: patched/step: edited/" "$1"\n' },
    run: async context => {
      const text = manifests(context)
      const count = (JSON.parse(text) as { items: unknown[] }).items.length
      await context.write('all.json', text)
      const of = async (line: string, says: RegExp) => {
        const said = lines(await context.out(line))
        assert.deepEqual(
          said.filter(each => !says.test(each)),
          [],
          `kubectl ${line}`,
        )
        assert.equal(said.length, count, `kubectl ${line} spoke of ${said.length} objects`)
        return said
      }
      const names = await of('create -f all.json -o name', /^[\w.]+\/\S+$/)
      assert.equal(new Set(names).size, count)
      await of('get -f all.json -o name', /^[\w.]+\/\S+$/)
      assert.doesNotMatch(await context.out('get -f all.json'), /\s<unknown>\s/)
      await context.run('get -f all.json -o wide')
      assert.equal(JSON.parse(await context.out('get -f all.json -o json')).items.length, count)
      await context.write(
        'described.json',
        without(text, kind => isDescribedAsBeta(kind, context.version)),
      )
      const described = (await context.out('describe -f described.json')).match(/^Name: /gm)?.length ?? 0
      assert.ok(described >= count - DESCRIBED_AS_BETA.length, `${described} were described`)
      await of('label -f all.json seen=yes', / labeled$/)
      await of('annotate -f all.json step=one', / annotated?$/)
      await of('patch -f all.json --type=merge -p \'{"metadata":{"annotations":{"step":"merged"}}}\'', / patched$/)
      await of('patch -f all.json --type=json -p \'[{"op":"add","path":"/metadata/annotations/other","value":"x"}]\'', / patched$/)
      await of('patch -f all.json -p \'{"metadata":{"annotations":{"step":"patched"}}}\'', / patched$/)
      const edited = await context.out('edit -f all.json', { env: { EDITOR: './editor' } })
      assert.deepEqual([edited.match(/ edited$/gm)?.length, edited.match(/skipped|error/)], [count, null])
      await of('wait -f all.json --for=jsonpath={.metadata.annotations.step}=edited --timeout=60s', / condition met$/)
      await of('apply -f all.json', / (configured|unchanged)$/)
      await context.write('quiet.json', without(text, isAlive))
      assert.equal(await context.out('diff -f quiet.json'), '')
      await of('apply --server-side --force-conflicts -f all.json', / serverside-applied$/)
      await of('apply --server-side --force-conflicts --dry-run=server -f all.json', / serverside-applied \(server dry run\)$/)
      await context.write('live.json', await context.out('get -f all.json -o json'))
      await context.run('replace -f live.json', { code: [0, 1] })
      await context.write('calm.json', without(await context.read('live.json'), isAlive))
      const replaced = await context.run('replace -f calm.json', { code: [0, 1] })
      assert.deepEqual(
        lines(replaced.stderr).filter(each => each !== '' && !/the object has been modified/.test(each)),
        [],
      )
      await context.run('delete -f all.json --wait=false')
      await context.run('wait -f all.json --for=delete --timeout=60s')
      assert.equal(await context.out('get -f all.json --ignore-not-found -o name'), '')
    },
  },
  {
    verb: 'explain',
    what: 'every kind and all its fields',
    run: async context => {
      for (const kind of KINDS) {
        const resource = qualifiedResource(kind)
        // kubectl takes one of two kinds of a name, whatever the group it is given.
        const said = await context.out(kind.view ? `explain ${kind.plural} --api-version=${apiVersionOf(kind)}` : `explain ${resource}`)
        assert.match(said, new RegExp(`^(GROUP: +${kind.group}\n)?KIND: +${kind.kind}\nVERSION: +\\S+\n`))
        assert.match(said, /^DESCRIPTION:\n {4}\S/m)
        const all = await context.out(`explain ${kind.plural} --recursive --api-version=${apiVersionOf(kind)}`)
        assert.match(all, /^ {2}apiVersion\t<string>\n/m)
        assert.ok(all.length > said.length / 4, resource)
      }
    },
  },
  {
    verb: 'explain',
    what: 'a field, deeply; what is not there',
    steps: [
      ['explain pods.spec.containers.resources.limits', /FIELD: limits <map\[string\]Quantity>/],
      ['explain deploy.spec.strategy', /rollingUpdate\t<RollingUpdateDeployment>/],
      ['explain pods.spec.restartPolicy', /ENUM:\n {4}Always\n|<string>/],
      ['explain hpa --api-version=autoscaling/v2', /KIND: +HorizontalPodAutoscaler/],
      ['explain pods.nothing', /error: field "nothing" does not exist/, { code: 1 }],
      ['explain unicorns', /the server doesn't have a resource type "unicorns"/, { code: 1 }],
    ],
  },
  {
    verb: 'describe',
    what: 'every kind in the cluster, and several of a prefix or a label',
    steps: [
      ['describe pod box -n {shared}', /^Events:\n[\s\S]*Scheduled[\s\S]*Started/m, { anywhere: true }],
      ['describe pod web -n {shared}', /Name: +web-\S+[\s\S]*Name: +web-\S+/, { anywhere: true }],
      [
        'describe deploy -l app=web -n {shared}',
        /^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$/m,
        { anywhere: true },
      ],
      ['describe service web -n {shared}', /^Endpoints: +10\.\S+:80,10\.\S+:80$/m, { anywhere: true }],
      ['describe node node-1', /^Allocated resources:/m],
      ['describe pod absent', /NotFound/, { code: 1 }],
      ['describe pod box -n {shared} --show-events=false', /^Name: +box$/m, { anywhere: true }],
    ],
  },
]

/** The list without the objects of some kinds. */
function without(text: string, isLeftOut: (kind: string) => boolean): string {
  const list = JSON.parse(text) as { items: { kind: string }[] }
  return JSON.stringify({ ...list, items: list.items.filter(({ kind }) => !isLeftOut(kind)) })
}

function isDescribedAsBeta(kind: string, version: number): boolean {
  return DESCRIBED_AS_BETA.some(each => each.kind === kind && version >= each.since && version <= each.until)
}
