/** Resources that change while the container runs. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { type Container, type Pod, podKind, type ResourceRequirements, resourcePath } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'

/** Microseconds of a core in each 100 ms that the kernel lets the container have. */
const QUOTA = 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d" " -f1 /sys/fs/cgroup/cpu.max'
const MEMORY = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'

const amounts = (milliCpu: number, mebibytes: number) => ({ cpu: `${milliCpu}m`, memory: `${mebibytes}Mi` })
const both = (milliCpu: number, mebibytes: number): ResourceRequirements => ({
  requests: amounts(milliCpu, mebibytes),
  limits: amounts(milliCpu, mebibytes),
})

async function resize(context: CaseContext, containers: Pick<Container, 'name' | 'resources'>[]): Promise<Pod> {
  const patch = { type: 'strategic', body: { spec: { containers } } } as const
  return context.resource(podKind).patch({ namespace: context.namespace, name: 'test' }, patch, { subresource: 'resize' })
}

async function untilSized(context: CaseContext, container: string, resources: ResourceRequirements): Promise<void> {
  await context.until('test', `${container} resized`, pod => {
    const actual = statusOf(pod, container)?.resources
    return actual?.limits?.cpu === resources.limits?.cpu && actual?.limits?.memory === resources.limits?.memory
  })
}

export const cases: readonly Case[] = [
  {
    row: 'In-place resize of a six-container pod through the resize subresource is carried out',
    run: async context => {
      const names = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']
      await context.start('test', { containers: names.map(name => shell(HEEDS_TERM, { name, resources: both(20, 16) })) })
      const wanted = names.map((name, index) => ({ name, resources: both(30 + 10 * index, 20 + 4 * index) }))
      await resize(context, wanted)
      for (const { name, resources } of wanted) await untilSized(context, name, resources)
      for (const [index, name] of names.entries()) {
        assert.equal(await context.inside('test', QUOTA, name), String((30 + 10 * index) * 100))
        assert.equal(await context.inside('test', MEMORY, name), String((20 + 4 * index) << 20))
        assert.equal(statusOf(await context.pod('test'), name)?.restartCount, 0)
      }
    },
  },
  {
    row: 'In-place resize to an equivalent quantity shows properly in status',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM, { resources: both(100, 32) })] })
      const same = { requests: { cpu: '0.1', memory: '32768Ki' }, limits: { cpu: '0.1', memory: '32768Ki' } }
      await resize(context, [{ name: 'main', resources: same }])
      await untilSized(context, 'main', both(100, 32))
      const pod = await context.pod('test')
      assert.equal(statusOf(pod)?.restartCount, 0)
      assert.ok(!pod.status?.conditions?.some(({ type, status }) => type.startsWith('PodResize') && status === 'True'))
    },
  },
  {
    row: 'resize subresource can be read and replaced and matches the main endpoint afterwards',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM, { resources: both(50, 16) })] })
      const target = { namespace: context.namespace, name: 'test' }
      const read = async () => {
        const answer = await context.client.raw({ method: 'GET', path: resourcePath(podKind, target, 'resize') })
        return JSON.parse(await text(answer.body)) as Pod
      }
      const pod = await read()
      const [container] = pod.spec.containers
      assert.ok(container)
      container.resources = both(60, 20)
      const { resourceVersion: _any, ...metadata } = pod.metadata
      await context.resource(podKind).update({ ...pod, metadata }, { subresource: 'resize' })
      await untilSized(context, 'main', both(60, 20))
      const [fromResize, fromMain] = [await read(), await context.pod('test')]
      assert.deepEqual(fromResize.spec, fromMain.spec)
      assert.deepEqual(fromMain.spec.containers[0]?.resources, both(60, 20))
    },
  },
]
