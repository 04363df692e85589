/** Parts of volumes: subPath and subPathExpr. */
import assert from 'node:assert/strict'
import { type Container, configMapKind, type EnvVar, podKind, type ReplicaSet, replicaSetKind, type Volume } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'
import { volumeFrom } from './volume-sources.ts'

const SCRATCH: Volume = { name: 'scratch', emptyDir: {} }
const POD_NAME: EnvVar = { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }

/** A container with the volume whole at /whole and a part of it at /part. */
function partContainer(script: string, subPathExpr: string, env: EnvVar[]): Container {
  return shell(script, {
    env,
    volumeMounts: [
      { name: 'scratch', mountPath: '/part', subPathExpr },
      { name: 'scratch', mountPath: '/whole' },
    ],
  })
}

/** A pod whose expression has a value that leads out of the volume waits, and says why. */
function refusedCase(row: string, value: string, message: RegExp): Case {
  return {
    row,
    run: async context => {
      await context.create('test', {
        volumes: [SCRATCH],
        containers: [partContainer(HEEDS_TERM, '$(PLACE)', [{ name: 'PLACE', value }])],
      })
      const waiting = await context.until(
        'test',
        'waiting',
        pod => statusOf(pod)?.state?.waiting?.message !== undefined && statusOf(pod)?.state?.waiting,
      )
      assert.equal(waiting.reason, 'CreateContainerConfigError')
      assert.match(waiting.message ?? '', message)
      assert.equal((await context.pod('test')).status?.phase, 'Pending')
      await context.event('test', 'Failed', message)
    },
  }
}

/** One file of a volume whose files are replaced together. */
function fileCase(row: string, prepare: (context: CaseContext) => Promise<Volume>, file: string, content: string): Case {
  return {
    row,
    run: async context => {
      const volume = await prepare(context)
      const output = await context.output({
        volumes: [volume],
        containers: [shell('cat /part', { volumeMounts: [{ name: volume.name, mountPath: '/part', subPath: file }] })],
      })
      assert.equal(output, content)
    },
  }
}

export const cases: readonly Case[] = [
  {
    row: 'subPathExpr expands env vars',
    run: async context => {
      await context.output({
        volumes: [SCRATCH],
        containers: [
          partContainer('test -d /whole/prefix-test && touch /part/file && test -f /whole/prefix-test/file', 'prefix-$(POD_NAME)', [
            POD_NAME,
          ]),
        ],
      })
    },
  },
  refusedCase('subPathExpr expanding to an absolute path keeps the pod from starting', '/tmp', /must not be an absolute path|absolute/),
  // What is refused is the value between the backticks of the upstream test's name: the parent of the volume.
  refusedCase('subPathExpr containing backticks keeps the pod from starting', '..', /must not contain '\.\.'|backstep/),
  {
    row: 'Files written under an expanded subPath land in the right place',
    run: async context => {
      const place: EnvVar = { name: 'PLACE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['place']" } } }
      await context.start(
        'test',
        { volumes: [SCRATCH], containers: [partContainer(HEEDS_TERM, '$(PLACE)/$(POD_NAME)', [place, POD_NAME])] },
        { annotations: { place: 'here' } },
      )
      await context.inside('test', 'echo inside > /whole/here/test/file')
      assert.equal(await context.inside('test', 'cat /part/file'), 'inside')
      await context.inside('test', 'echo other > /part/file')
      assert.equal(await context.inside('test', 'cat /whole/here/test/file'), 'other')
      // A new value is for containers that start later.
      const body = { metadata: { annotations: { place: 'there' } } }
      await context.resource(podKind).patch({ namespace: context.namespace, name: 'test' }, { type: 'merge', body })
      assert.equal(await context.inside('test', 'cat /part/file'), 'other')
    },
  },
  {
    row: 'A failing subPathExpr recovers once its source annotation is fixed',
    run: async context => {
      const place: EnvVar = { name: 'PLACE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['place']" } } }
      await context.create(
        'test',
        { volumes: [SCRATCH], containers: [partContainer(HEEDS_TERM, '$(PLACE)/$(POD_NAME)', [place, POD_NAME])] },
        { annotations: { misspelt: 'here' } },
      )
      await context.until('test', 'waiting', pod => statusOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError')
      const body = { metadata: { annotations: { place: 'here' } } }
      await context.resource(podKind).patch({ namespace: context.namespace, name: 'test' }, { type: 'merge', body })
      await context.ready('test')
      await context.inside('test', 'test -d /whole/here/test')
    },
  },
  {
    row: 'subPath into a ConfigMap volume reads updated content',
    run: async context => {
      await context.configMap('source', { key: 'old' })
      const mounts = [
        { name: 'config', mountPath: '/part', subPath: 'key' },
        { name: 'config', mountPath: '/whole' },
      ]
      await context.start('test', {
        volumes: [{ name: 'config', configMap: { name: 'source' } }],
        containers: [shell(`cat /part; echo; ${HEEDS_TERM}`, { volumeMounts: mounts })],
      })
      await context.eventually('the old content', async () => (await context.logs('test')) === 'old\n')
      await context
        .resource(configMapKind)
        .patch({ namespace: context.namespace, name: 'source' }, { type: 'merge', body: { data: { key: 'new' } } })
      await context.eventually('the new content in the volume', async () => (await context.inside('test', 'cat /whole/key')) === 'new')
      assert.equal(await context.inside('test', 'cat /part'), 'old', 'a subPath stays what it was when the container started')
      await context.exec('test', ['kill', '1'])
      await context.until('test', 'restarted', pod => statusOf(pod)?.restartCount === 1 && statusOf(pod)?.state?.running)
      await context.eventually('the new content at the next start', async () => (await context.logs('test')) === 'new\n')
    },
  },
  {
    row: 'subPath of a ConfigMap volume can mount over an existing file',
    run: async context => {
      await context.configMap('source', { key: 'root:from config\n' })
      const output = await context.output({
        volumes: [{ name: 'config', configMap: { name: 'source' } }],
        containers: [
          shell('cat /etc/passwd; ls /etc/group', { volumeMounts: [{ name: 'config', mountPath: '/etc/passwd', subPath: 'key' }] }),
        ],
      })
      assert.equal(output, 'root:from config\n/etc/group\n')
    },
  },
  fileCase(
    'subPath into a downwardAPI volume is readable',
    async () => ({ name: 'info', downwardAPI: { items: [{ path: 'in/podname', fieldRef: { fieldPath: 'metadata.name' } }] } }),
    'in/podname',
    'test',
  ),
  fileCase(
    'subPath into a projected volume is readable',
    async context => {
      await context.configMap('source', { key: 'projected' })
      return volumeFrom({ kind: 'ConfigMap', projected: true }, 'all')
    },
    'key',
    'projected',
  ),
  fileCase(
    'subPath into a Secret volume is readable',
    async context => {
      await context.secret('source', { key: 'secret' })
      return volumeFrom({ kind: 'Secret', projected: false }, 'secret')
    },
    'key',
    'secret',
  ),
  {
    row: 'Many pods each mounting 50 ConfigMap volumes start without races',
    run: async context => {
      const names = Array.from({ length: 50 }, (_, index) => `config-${index}`)
      await Promise.all(names.map(name => context.configMap(name, { key: name })))
      const labels = { app: `racing-${context.namespace}` }
      const set: ReplicaSet = {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: context.named('racing'),
        spec: {
          replicas: 5,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              terminationGracePeriodSeconds: 1,
              volumes: names.map(name => ({ name, configMap: { name } })),
              containers: [shell(HEEDS_TERM, { volumeMounts: names.map(name => ({ name, mountPath: `/etc/${name}` })) })],
            },
          },
        },
      }
      await context.resource(replicaSetKind).create(set)
      const pods = await context.cluster.untilReady(labels.app, 5, 150_000)
      for (const { metadata } of pods) {
        const read = await context.inside(metadata.name ?? '', `for i in $(seq 0 49); do cat /etc/config-$i/key; echo; done`)
        assert.deepEqual(read.split('\n'), names)
      }
    },
  },
]
