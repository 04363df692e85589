/** Users, rights and kernel settings of containers. */
import assert from 'node:assert/strict'
import type { PodSpec, SecurityContext } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, shell, statusOf } from '../context.ts'
import { CONFORMANCE_IMAGE } from '../images.ts'

interface Users {
  pod?: PodSpec['securityContext']
  container?: SecurityContext
}

async function outputAs(context: CaseContext, script: string, { pod = {}, container = {} }: Users): Promise<string> {
  return context.output({ securityContext: pod, containers: [shell(script, { securityContext: container })] })
}

/** Whether a program with the set-uid bit of root, run by user 1000, has root's rights. */
async function escalates(context: CaseContext, name: string, allowPrivilegeEscalation: boolean): Promise<boolean> {
  const volumeMounts = [{ name: 'programs', mountPath: '/programs' }]
  const copy = 'cp /bin/effective-uid /programs/ && chmod 4755 /programs/effective-uid'
  await context.create(name, {
    restartPolicy: 'Never',
    volumes: [{ name: 'programs', emptyDir: {} }],
    initContainers: [shell(copy, { name: 'copy', image: CONFORMANCE_IMAGE, volumeMounts })],
    containers: [
      {
        name: 'main',
        image: CONFORMANCE_IMAGE,
        command: ['/programs/effective-uid'],
        volumeMounts,
        securityContext: { runAsUser: 1000, allowPrivilegeEscalation },
      },
    ],
  })
  const code = statusOf(await context.finished(name))?.state?.terminated?.exitCode
  assert.ok(code === 0 || code === (1000 & 0xff), `exit code ${code}`)
  return code === 0
}

export const cases: readonly Case[] = [
  {
    row: 'runAsUser 65534 runs the container as that user',
    run: async context => assert.equal(await outputAs(context, 'id -u', { container: { runAsUser: 65_534 } }), '65534\n'),
  },
  {
    row: 'Container-level runAsUser and runAsGroup apply',
    run: async context => {
      const users = { pod: { runAsUser: 1000, runAsGroup: 2000 }, container: { runAsUser: 1001, runAsGroup: 2002 } }
      assert.equal(await outputAs(context, 'echo $(id -u) $(id -g)', users), '1001 2002\n')
    },
  },
  {
    row: 'Pod-level runAsUser and runAsGroup apply',
    run: async context =>
      assert.equal(await outputAs(context, 'echo $(id -u) $(id -g)', { pod: { runAsUser: 1001, runAsGroup: 2002 } }), '1001 2002\n'),
  },
  {
    row: 'privileged false blocks privileged operations',
    run: async context => {
      const script = 'ip link set lo down 2>&1; echo ip $?; mount -t tmpfs none /tmp 2>&1; echo mount $?'
      const output = await outputAs(context, script, { container: { privileged: false } })
      assert.match(output, /ip [1-9]/)
      assert.match(output, /mount [1-9]/)
    },
  },
  {
    row: 'readOnlyRootFilesystem false keeps the root writable',
    run: async context => {
      const output = await outputAs(context, 'echo text > /file && cat /file', { container: { readOnlyRootFilesystem: false } })
      assert.equal(output, 'text\n')
    },
  },
  {
    row: 'Read-only root filesystem blocks writes',
    run: async context => {
      const output = await outputAs(context, 'echo text > /file || echo refused', { container: { readOnlyRootFilesystem: true } })
      assert.match(output, /Read-only file system/)
      assert.match(output, /^refused$/m)
    },
  },
  {
    row: 'allowPrivilegeEscalation false stops setuid escalation',
    run: async context => {
      // The first shows that the second would fail if it could.
      assert.equal(await escalates(context, 'allowed', true), true)
      assert.equal(await escalates(context, 'stopped', false), false)
    },
  },
  {
    row: 'A safe sysctl is set inside the pod',
    run: async context => {
      const sysctls = [{ name: 'kernel.shm_rmid_forced', value: '1' }]
      assert.equal(await outputAs(context, 'cat /proc/sys/kernel/shm_rmid_forced', { pod: { sysctls } }), '1\n')
    },
  },
]
