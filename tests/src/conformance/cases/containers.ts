/** What a container runs, what it says at its end, and when it runs again. */
import assert from 'node:assert/strict'
import { type Container, type PodSpec, podKind } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'
import { CONFORMANCE_IMAGE } from '../images.ts'

const IMAGE: Container = { name: 'main', image: CONFORMANCE_IMAGE }

function commandCase(row: string, fields: Partial<Container>, expected: string): Case {
  return { row, run: async context => assert.equal(await context.output({ containers: [{ ...IMAGE, ...fields }] }), `${expected}\n`) }
}

interface MessageCase {
  row: string
  script: string
  fields?: Partial<Container>
  spec?: Partial<PodSpec>
  phase: 'Succeeded' | 'Failed'
  message: string | undefined
}

/** The message a container leaves behind. */
function messageCase({ row, script, fields = {}, spec = {}, phase, message }: MessageCase): Case {
  return {
    row,
    run: async context => {
      await context.create('test', { restartPolicy: 'Never', ...spec, containers: [shell(script, fields)] })
      const pod = await context.finished('test')
      assert.equal(pod.status?.phase, phase)
      assert.equal(statusOf(pod)?.state?.terminated?.message, message)
    },
  }
}

const FALLBACK = { terminationMessagePolicy: 'FallbackToLogsOnError' } as const

async function hostsFile(context: CaseContext, pod: string, container: string): Promise<string> {
  return context.inside(pod, 'cat /etc/hosts', container)
}

const MANAGED = /^# Kubernetes-managed hosts file\./

export const cases: readonly Case[] = [
  commandCase('Image defaults apply when command and args are empty', {}, 'image-entrypoint image-argument'),
  commandCase('args overrides the image arguments', { args: ['other', 'arguments'] }, 'image-entrypoint other arguments'),
  commandCase('command overrides the image entrypoint', { command: ['/bin/echo', 'other-entrypoint'] }, 'other-entrypoint'),
  commandCase(
    'command and args together override both image defaults',
    { command: ['/bin/echo', 'other-entrypoint'], args: ['other', 'arguments'] },
    'other-entrypoint other arguments',
  ),
  messageCase({
    row: 'FallbackToLogsOnError leaves the message empty when the container succeeds',
    script: 'echo only a log',
    fields: FALLBACK,
    phase: 'Succeeded',
    message: undefined,
  }),
  messageCase({
    row: 'Termination message comes from the file when the container succeeds',
    script: 'echo a log; printf OK > /dev/termination-log',
    fields: FALLBACK,
    phase: 'Succeeded',
    message: 'OK',
  }),
  messageCase({
    row: 'Termination message falls back to log output when the container fails',
    script: 'printf DONE; exit 1',
    fields: FALLBACK,
    phase: 'Failed',
    message: 'DONE',
  }),
  messageCase({
    row: 'Termination message works at a custom path for a non-root user',
    script: 'printf DONE > /dev/termination-custom-log',
    fields: { terminationMessagePath: '/dev/termination-custom-log', securityContext: { runAsUser: 10_000 } },
    phase: 'Succeeded',
    message: 'DONE',
  }),
  {
    row: 'Restart counts, phase and ready state follow restartPolicy Always, OnFailure and Never',
    run: async context => {
      const volumes = [{ name: 'count', emptyDir: {} }]
      const volumeMounts = [{ name: 'count', mountPath: '/count' }]
      // Fails the first time; the second time it does what `then` says.
      const secondTime = (then: string) => shell(`[ -e /count/file ] && { ${then}; }; touch /count/file; exit 1`, { volumeMounts })
      await Promise.all([
        context.create('always', { volumes, restartPolicy: 'Always', containers: [secondTime(HEEDS_TERM)] }),
        context.create('on-failure', { volumes, restartPolicy: 'OnFailure', containers: [secondTime('exit 0')] }),
        context.create('never', { volumes, restartPolicy: 'Never', containers: [secondTime('exit 0')] }),
      ])
      // Its first run may be seen, too, before it fails.
      await context.until('always', 'restarted', pod => statusOf(pod)?.restartCount === 1)
      const always = await context.ready('always')
      assert.deepEqual([always.status?.phase, statusOf(always)?.restartCount, statusOf(always)?.ready], ['Running', 1, true])
      assert.equal(statusOf(always)?.lastState?.terminated?.exitCode, 1)
      const onFailure = await context.finished('on-failure')
      assert.deepEqual([onFailure.status?.phase, statusOf(onFailure)?.restartCount, statusOf(onFailure)?.ready], ['Succeeded', 1, false])
      const never = await context.finished('never')
      assert.deepEqual([never.status?.phase, statusOf(never)?.restartCount, statusOf(never)?.ready], ['Failed', 0, false])
    },
  },
  {
    row: 'Container stdout/stderr land in the pod log',
    run: async context => {
      assert.deepEqual((await context.output({ containers: [shell('echo to stdout; echo to stderr >&2')] })).trim().split('\n').sort(), [
        'to stderr',
        'to stdout',
      ])
    },
  },
  {
    row: 'A pod whose command always fails can still be deleted',
    run: async context => {
      await context.create('fails', { containers: [shell('exit 1')] })
      await context.until('fails', 'failing', pod => statusOf(pod)?.lastState?.terminated ?? statusOf(pod)?.state?.terminated)
      await context.resource(podKind).delete({ namespace: context.namespace, name: 'fails' })
      await context.untilGone('fails')
    },
  },
  {
    row: 'A failed container reports a terminated reason',
    run: async context => {
      await context.create('fails', { restartPolicy: 'Never', containers: [shell('exit 3')] })
      const { terminated } = statusOf(await context.finished('fails'))?.state ?? {}
      assert.equal(terminated?.reason, 'Error')
      assert.equal(terminated?.exitCode, 3)
    },
  },
  {
    row: 'hostAliases are written to /etc/hosts',
    run: async context => {
      const hostAliases = [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }]
      const output = await context.output({ hostAliases, containers: [shell('cat /etc/hosts')] })
      assert.match(output, /^123\.45\.67\.89\tfoo\tbar$/m)
      assert.match(output, MANAGED)
    },
  },
  {
    row: '/etc/hosts is managed for ordinary pods but not for hostNetwork pods or when mounted by the user',
    run: async context => {
      const volumes = [{ name: 'hosts', hostPath: { path: '/etc/hosts', type: 'File' as const } }]
      const original = shell(HEEDS_TERM, { name: 'original', volumeMounts: [{ name: 'hosts', mountPath: '/etc/hosts-original' }] })
      const mounted = shell(HEEDS_TERM, { name: 'mounted', volumeMounts: [{ name: 'hosts', mountPath: '/etc/hosts' }] })
      const [ordinary] = await Promise.all([
        context.start('ordinary', { volumes, containers: [original, mounted] }),
        context.start('host-network', { hostNetwork: true, volumes, containers: [original, mounted] }),
      ])
      const managed = await hostsFile(context, 'ordinary', 'original')
      assert.match(managed, MANAGED)
      assert.match(managed, new RegExp(`^${ordinary.status?.podIP}\tordinary$`, 'm'))
      for (const [pod, container] of [
        ['ordinary', 'mounted'],
        ['host-network', 'mounted'],
        ['host-network', 'original'],
      ] as const)
        assert.doesNotMatch(await hostsFile(context, pod, container), MANAGED, `${pod} ${container}`)
    },
  },
]
