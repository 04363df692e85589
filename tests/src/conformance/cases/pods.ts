/** Pods as objects of the API that run: their life from creation to removal, and what may change on the way. */
import assert from 'node:assert/strict'
import { isPodReady, podCondition, podKind, resourcePath } from '@davit/api'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'

const target = (context: CaseContext, name = 'test') => ({ namespace: context.namespace, name })

/** Names of the pods that a selector picks in the case's namespace. */
async function selected(context: CaseContext, labelSelector: string): Promise<string[]> {
  const { items } = await context.resource(podKind).list({ namespace: context.namespace, labelSelector })
  return items.map(({ metadata }) => metadata.name ?? '').sort()
}

export const cases: readonly Case[] = [
  {
    row: 'Equal requests and limits give status.qosClass Guaranteed',
    run: async context => {
      const amounts = { cpu: '100m', memory: '32Mi' }
      const pod = await context.create('test', { containers: [shell(HEEDS_TERM, { resources: { requests: amounts, limits: amounts } })] })
      assert.equal(pod.status?.qosClass, 'Guaranteed')
      assert.equal((await context.running('test')).status?.qosClass, 'Guaranteed')
    },
  },
  {
    row: 'activeDeadlineSeconds can be added later and kills the pod',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      await context.resource(podKind).patch(target(context), { type: 'merge', body: { spec: { activeDeadlineSeconds: 3 } } })
      const pod = await context.finished('test')
      assert.equal(pod.status?.phase, 'Failed')
      assert.equal(pod.status?.reason, 'DeadlineExceeded')
    },
  },
  {
    row: 'Pod submit, watch, graceful delete and removal are all observable',
    run: async context => {
      const labelSelector = 'app=watched'
      const list = await context.resource(podKind).list({ namespace: context.namespace, labelSelector })
      assert.deepEqual(list.items, [])
      const { resourceVersion = '' } = list.metadata
      const signal = AbortSignal.timeout(60_000)
      const watch = context.resource(podKind).watch({ namespace: context.namespace, labelSelector, resourceVersion, signal })
      const seen: string[] = []
      const watching = (async () => {
        for await (const event of watch) {
          const pod = event.object as Awaited<ReturnType<CaseContext['pod']>>
          seen.push(`${event.type}${pod.metadata.deletionTimestamp ? ' ending' : ''}`)
          if (event.type === 'DELETED') return
        }
      })()
      await context.start('test', { terminationGracePeriodSeconds: 5, containers: [shell(HEEDS_TERM)] }, { labels: { app: 'watched' } })
      assert.deepEqual(await selected(context, labelSelector), ['test'])
      await context.resource(podKind).delete(target(context))
      await watching
      assert.equal(seen[0], 'ADDED')
      assert.ok(seen.includes('MODIFIED'))
      assert.ok(seen.includes('MODIFIED ending'), 'the deletion is seen before the removal')
      assert.equal(seen.at(-1), 'DELETED ending')
      assert.deepEqual(await selected(context, labelSelector), [])
    },
  },
  {
    row: 'Pod labels can be updated and selected on',
    run: async context => {
      const pod = await context.start('test', { containers: [shell(HEEDS_TERM)] }, { labels: { time: 'first' } })
      assert.deepEqual(await selected(context, 'time=first'), ['test'])
      const metadata = { ...pod.metadata, labels: { time: 'second' } }
      const { resourceVersion: _any, ...rest } = metadata
      await context.resource(podKind).update({ ...pod, metadata: rest })
      assert.deepEqual(await selected(context, 'time=first'), [])
      assert.deepEqual(await selected(context, 'time=second'), ['test'])
    },
  },
  {
    row: 'Pods can be selected by label and removed by collection delete',
    run: async context => {
      const names = ['one', 'three', 'two']
      await Promise.all(names.map(name => context.create(name, { containers: [shell(HEEDS_TERM)] }, { labels: { type: 'testing' } })))
      await Promise.all(names.map(name => context.running(name)))
      assert.deepEqual(await selected(context, 'type=testing'), names)
      await context.resource(podKind).deleteCollection({ namespace: context.namespace, labelSelector: 'type=testing' })
      await Promise.all(names.map(name => context.untilGone(name)))
    },
  },
  {
    row: 'Running pod reports a host IP',
    run: async context => {
      const pod = await context.start('test', { containers: [shell(HEEDS_TERM)] })
      const host = context.cluster.hosts.find(({ name }) => name === pod.spec.nodeName)
      assert.equal(pod.status?.hostIP, host?.address)
      assert.deepEqual(pod.status?.hostIPs, [{ ip: host?.address }])
    },
  },
  {
    row: 'Pod status can be patched',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      const condition = { type: 'example.com/patched', status: 'True', reason: 'Test', message: 'of a test' }
      const patch = { type: 'strategic', body: { status: { conditions: [condition] } } } as const
      await context.resource(podKind).patch(target(context), patch, { subresource: 'status' })
      const pod = await context.pod('test')
      assertHas(podCondition(pod, 'example.com/patched'), condition)
      assert.equal(podCondition(pod, 'Ready')?.status, 'True', 'the others stay')
      assert.ok(isPodReady(pod))
    },
  },
  {
    row: 'Pod create, patch, status read/replace, watch and delete all work end to end',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] }, { labels: { app: 'end-to-end' } })
      const patch = {
        metadata: { labels: { patched: 'yes' } },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'busybox:1.36' }] },
      }
      await context.resource(podKind).patch(target(context), { type: 'strategic', body: patch })
      await context.until('test', 'patched', pod => pod.metadata.labels?.patched === 'yes')
      const condition = { type: 'example.com/replaced', status: 'True' as const }
      for (let attempt = 1; ; attempt++) {
        const pod = structuredClone(await context.pod('test'))
        pod.status = { ...pod.status, conditions: [...(pod.status?.conditions ?? []), condition] }
        try {
          await context.resource(podKind).update(pod, { subresource: 'status' })
          break
        } catch (error) {
          // The node writes the status, too.
          if ((error as { reason?: string }).reason !== 'Conflict' || attempt === 5) throw error
        }
      }
      await context.until('test', 'replaced', pod => podCondition(pod, 'example.com/replaced')?.status === 'True')
      await context.resource(podKind).deleteCollection({ namespace: context.namespace, labelSelector: 'app=end-to-end' })
      await context.untilGone('test')
    },
  },
  {
    row: 'exec over a websocket returns command output',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      const path = resourcePath(podKind, target(context), 'exec')
      const query = { command: ['echo', 'remote execution test'], container: 'main', stdout: '1', stderr: '1' }
      const socket = await context.client.openWebSocket(path, query, ['channel.k8s.io'])
      const output = await new Promise<string>((resolve, reject) => {
        let text = ''
        socket.on('message', (data: Buffer) => {
          if (data[0] === 1) text += data.subarray(1).toString()
        })
        socket.on('error', reject)
        socket.on('close', () => resolve(text))
      })
      assert.equal(output, 'remote execution test\n')
      assert.equal((await context.exec('test', ['sh', '-c', 'exit 7'])).code, 7)
    },
  },
  {
    row: 'Container log can be read over a websocket',
    run: async context => {
      await context.start('test', { containers: [shell(`echo container is alive; ${HEEDS_TERM}`)] })
      await context.eventually('the log', async () => (await context.logs('test')) === 'container is alive\n')
      const path = resourcePath(podKind, target(context), 'log')
      const socket = await context.client.openWebSocket(path, { container: 'main' }, ['binary.k8s.io'])
      const log = await new Promise<string>((resolve, reject) => {
        let text = ''
        socket.on('message', (data: Buffer) => {
          text += data.toString()
        })
        socket.on('error', reject)
        socket.on('close', () => resolve(text))
      })
      assert.equal(log, 'container is alive\n')
    },
  },
  {
    row: 'Pod generation starts at 1 and rises with each spec update',
    run: async context => {
      const pod = await context.start('test', { containers: [shell(HEEDS_TERM)] })
      assert.equal(pod.metadata.generation, 1)
      const patch = async (body: unknown) =>
        (await context.resource(podKind).patch(target(context), { type: 'merge', body })).metadata.generation
      assert.equal(await patch({ metadata: { labels: { no: 'spec' } } }), 1)
      assert.equal(await patch({ spec: { activeDeadlineSeconds: 600 } }), 2)
      assert.equal(await patch({ spec: { activeDeadlineSeconds: 500 } }), 3)
      await context.until('test', 'observed', each => each.status?.observedGeneration === 3)
    },
  },
  {
    row: 'Generation and observedGeneration converge after 500 spec updates',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      for (let update = 1; update <= 500; update++) {
        const body = { spec: { activeDeadlineSeconds: 10_000 - update } }
        await context.resource(podKind).patch(target(context), { type: 'merge', body })
      }
      assert.equal((await context.pod('test')).metadata.generation, 501)
      await context.until('test', 'observed', pod => pod.status?.observedGeneration === 501)
    },
  },
  {
    row: 'Graceful delete bumps pod generation; client-set generation is ignored',
    run: async context => {
      const spec = {
        terminationGracePeriodSeconds: 5,
        containers: [shell(HEEDS_TERM, { lifecycle: { preStop: { sleep: { seconds: 2 } } } })],
      }
      const created = await context.resource(podKind).create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: context.named('test', { generation: 100 }),
        spec,
      })
      assert.equal(created.metadata.generation, 1)
      await context.ready('test')
      await context.resource(podKind).delete(target(context))
      assert.equal((await context.pod('test')).metadata.generation, 2)
      await context.untilGone('test')
    },
  },
  {
    row: 'An image volume mounts with pull policy Always',
    run: async context => {
      const image = { reference: 'nginx:1.25', pullPolicy: 'Always' as const }
      await context.start('test', {
        volumes: [{ name: 'image', image }],
        containers: [shell(HEEDS_TERM, { volumeMounts: [{ name: 'image', mountPath: '/image' }] })],
      })
      assert.match(await context.inside('test', 'cat /image/usr/share/nginx/html/index.html'), /Welcome to nginx/)
      assert.notEqual((await context.exec('test', ['touch', '/image/new'])).code, 0, 'read-only')
      assert.equal(statusOf(await context.pod('test'))?.restartCount, 0)
    },
  },
]
