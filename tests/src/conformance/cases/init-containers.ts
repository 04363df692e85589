/** Init containers and ephemeral ones. */
import assert from 'node:assert/strict'
import { type Pod, podCondition, podKind } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'

const volumes = [{ name: 'log', emptyDir: {} }]
const volumeMounts = [{ name: 'log', mountPath: '/log' }]
const step = (name: string, script = 'true') => shell(`echo ${name} >> /log/all; ${script}`, { name, volumeMounts })

function assertInitialized(pod: Pod): void {
  assert.equal(podCondition(pod, 'Initialized')?.status, 'True')
  for (const status of pod.status?.initContainerStatuses ?? []) {
    assert.equal(status.ready, true)
    assert.equal(status.state?.terminated?.exitCode, 0)
  }
}

async function addEphemeral(context: CaseContext, name: string, script: string): Promise<void> {
  const container = { ...shell(script, { name }), targetContainerName: 'main' }
  const body = { spec: { ephemeralContainers: [container] } }
  const target = { namespace: context.namespace, name: 'test' }
  await context.resource(podKind).patch(target, { type: 'strategic', body }, { subresource: 'ephemeralcontainers' })
}

export const cases: readonly Case[] = [
  {
    row: 'Init containers run in order, then app containers, under restartPolicy Always',
    run: async context => {
      const pod = await context.start('test', {
        volumes,
        restartPolicy: 'Always',
        initContainers: [step('one'), step('two')],
        containers: [step('main', HEEDS_TERM)],
      })
      assertInitialized(pod)
      await context.eventually(
        'the order of the steps',
        async () => (await context.inside('test', 'cat /log/all')).split('\n').join(),
        steps => steps === 'one,two,main',
      )
    },
  },
  {
    row: 'Init containers run in order, then app containers finish, under restartPolicy Never',
    run: async context => {
      const output = await context.output({
        volumes,
        restartPolicy: 'Never',
        initContainers: [step('one'), step('two')],
        containers: [step('main', 'cat /log/all')],
      })
      assert.equal(output, 'one\ntwo\nmain\n')
      assertInitialized(await context.pod('test'))
    },
  },
  {
    row: 'A failing init container fails a restartPolicy Never pod without starting the app',
    run: async context => {
      await context.create('test', {
        volumes,
        restartPolicy: 'Never',
        initContainers: [step('one'), step('two', 'exit 1')],
        containers: [step('main')],
      })
      const pod = await context.finished('test')
      assert.equal(pod.status?.phase, 'Failed')
      assert.equal(podCondition(pod, 'Initialized')?.reason, 'ContainersNotInitialized')
      assert.equal(podCondition(pod, 'Initialized')?.message, 'containers with incomplete status: [two]')
      assert.equal(statusOf(pod, 'one')?.state?.terminated?.exitCode, 0)
      assert.equal(statusOf(pod, 'two')?.state?.terminated?.exitCode, 1)
      assert.equal(statusOf(pod)?.containerID, undefined)
      assert.equal(statusOf(pod)?.state?.waiting?.reason, 'PodInitializing')
    },
  },
  {
    row: 'A failing init container keeps restarting under Always and the app never starts',
    run: async context => {
      await context.create('test', {
        volumes,
        restartPolicy: 'Always',
        initContainers: [step('one', 'exit 1'), step('two')],
        containers: [step('main', HEEDS_TERM)],
      })
      const pod = await context.until('test', 'restarted', each => (statusOf(each, 'one')?.restartCount ?? 0) >= 2 && each)
      assert.equal(pod.status?.phase, 'Pending')
      assert.equal(podCondition(pod, 'Initialized')?.message, 'containers with incomplete status: [one two]')
      assert.deepEqual(statusOf(pod, 'two')?.state?.waiting?.reason, 'PodInitializing')
      assert.equal(statusOf(pod)?.started, false)
      assert.equal(statusOf(pod)?.containerID, undefined)
    },
  },
  {
    row: 'An ephemeral container added to a running pod starts',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      await addEphemeral(context, 'debugger', `echo polo; ${HEEDS_TERM}`)
      await context.running('test', 'debugger')
      await context.eventually('its log', async () => (await context.logs('test', 'debugger')) === 'polo\n')
      assert.equal(await context.inside('test', 'echo marco', 'debugger'), 'marco')
    },
  },
  {
    row: 'A second ephemeral container can be added to a pod that has one',
    run: async context => {
      await context.start('test', { containers: [shell(HEEDS_TERM)] })
      await addEphemeral(context, 'debugger', HEEDS_TERM)
      await context.running('test', 'debugger')
      await addEphemeral(context, 'debugger-2', `echo polo; ${HEEDS_TERM}`)
      await context.running('test', 'debugger-2')
      await context.eventually('its log', async () => (await context.logs('test', 'debugger-2')) === 'polo\n')
      assert.ok(statusOf(await context.pod('test'), 'debugger')?.state?.running)
    },
  },
]
