import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { type Container, isPodReady, type Pod, type PodSpec, podCondition, podKind, runtimeClassKind } from '@davit/api'
import { containerId, createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.1 & wait $!; done'
const MAX_PIDS = 64
const MEBIBYTE = 1 << 20
const shell = (script: string, fields: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'busybox:1.36',
  command: ['sh', '-c', script],
  ...fields,
})
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.find(({ name }) => name === 'main')
const at = (name: string) => ({ name, namespace: 'default' })

describe('What containers may ask for, on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  before(async () => {
    world = await createWorld(host ?? '')
    agent = await world.startAgent({}, { podMaxPids: MAX_PIDS, allowedUnsafeSysctls: ['kernel.msg*'] })
  })
  after(() => world.close())

  const run = (name: string, spec: PodSpec) => world.create(name, { terminationGracePeriodSeconds: 1, ...spec })
  const remove = async (name: string, grace?: number) => {
    await world.delete(name, grace)
    await world.until(name, gone => gone === undefined)
  }
  const inside = async (pod: Pod | undefined, command: string, container = 'main') => {
    const { output } = await agent.docker.exec(await containerId(agent, pod, container), ['sh', '-c', command], { timeoutMs: 5_000 })
    return output.trim()
  }
  const change = async (pod: Pod, spec: Partial<PodSpec>) =>
    world.api.resource(podKind).patch(at(pod.metadata.name ?? ''), { type: 'merge', body: { spec: { ...pod.spec, ...spec } } })
  const words = (name: string) => world.events.filter(({ pod }) => pod === name).map(({ reason, message }) => `${reason}: ${message}`)

  it('resizes a running container, and restarts it for what its policy says', async () => {
    const sized = (cpu: string, memory: string): Container =>
      shell(HEEDS_TERM, {
        resources: { requests: { cpu, memory }, limits: { cpu, memory } },
        resizePolicy: [
          { resourceName: 'cpu', restartPolicy: 'NotRequired' },
          { resourceName: 'memory', restartPolicy: 'RestartContainer' },
        ],
      })
    const quota = 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max'
    const bytes = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'
    const pod = await run('sized', { restartPolicy: 'OnFailure', containers: [sized('100m', '32Mi')] })
    assert.match(await inside(await world.until('sized', isReady), quota), /^10000\b/)

    await change(pod, { containers: [sized('250m', '32Mi')] })
    const faster = await world.until('sized', p => main(p)?.resources?.limits?.cpu === '250m')
    assert.match(await inside(faster, quota), /^25000\b/)
    assert.equal(main(faster)?.restartCount, 0)
    assert.deepEqual(main(faster)?.allocatedResources, { cpu: '250m', memory: '32Mi' })
    await world.until('sized', p => p !== undefined && !podCondition(p, 'PodResizeInProgress'))

    await change(pod, { containers: [sized('0.25', '48Mi')] })
    const larger = await world.until('sized', p => main(p)?.restartCount === 1 && isReady(p))
    assert.equal(await inside(larger, bytes), String(48 * MEBIBYTE))
    assert.deepEqual(main(larger)?.resources?.limits, { cpu: '0.25', memory: '48Mi' })
    assert.ok(words('sized').includes('Killing: Container main resize requires restart'))

    await change(pod, { containers: [sized('16', '48Mi')] })
    const stuck = await world.until('sized', p => p !== undefined && podCondition(p, 'PodResizePending') !== undefined)
    assert.equal(stuck && podCondition(stuck, 'PodResizePending')?.reason, 'Infeasible')
    assert.equal(main(stuck)?.resources?.limits?.cpu, '0.25')
    // What an agent has granted it remembers, and what it never granted it grants no sooner.
    await agent.stop()
    agent = await world.startAgent({}, { podMaxPids: MAX_PIDS, allowedUnsafeSysctls: ['kernel.msg*'] })
    await change(pod, { containers: [sized('300m', '48Mi')] })
    const back = await world.until('sized', p => main(p)?.resources?.limits?.cpu === '300m')
    assert.equal(main(back)?.restartCount, 1)
    assert.equal(back && podCondition(back, 'PodResizePending'), undefined)
    await remove('sized')
  })

  it('grants a deferred resize when another pod leaves', async () => {
    const sized = (cpu: string) => shell(HEEDS_TERM, { resources: { requests: { cpu } } })
    await run('neighbour', { containers: [sized('1500m')] })
    const pod = await run('waiting', { containers: [sized('100m')] })
    await world.until('neighbour', isReady)
    await world.until('waiting', isReady)
    await change(pod, { containers: [sized('1')] })
    const deferred = await world.until('waiting', p => p !== undefined && podCondition(p, 'PodResizePending') !== undefined)
    assert.equal(deferred && podCondition(deferred, 'PodResizePending')?.reason, 'Deferred')
    await remove('neighbour')
    await world.until('waiting', p => main(p)?.resources?.requests?.cpu === '1')
    await remove('waiting')
  })

  it('ends a pod that is done, its sidecars after it and in reverse', async () => {
    const volumeMounts = [{ name: 'log', mountPath: '/log' }]
    const sidecar = (name: string) =>
      shell(`trap "sleep 0.3; echo ${name} >> /log/all; exit 0" TERM; while :; do sleep 0.1 & wait $!; done`, {
        name,
        volumeMounts,
        restartPolicy: 'Always',
        lifecycle: { preStop: { exec: { command: ['sh', '-c', `echo hook >> /log/all`] } } },
      })
    const pod = await run('done', {
      restartPolicy: 'OnFailure',
      terminationGracePeriodSeconds: 20,
      volumes: [{ name: 'log', hostPath: { path: `${world.dataDir}/done-log`, type: 'DirectoryOrCreate' } }],
      initContainers: [sidecar('one'), sidecar('two')],
      containers: [shell('sleep 0.5; echo main >> /log/all', { volumeMounts })],
    })
    const phases: (string | undefined)[] = []
    await world.until('done', p => {
      const running = p?.status?.initContainerStatuses?.some(({ state }) => state?.running) ?? false
      if (running && main(p)?.state?.terminated) phases.push(p?.status?.phase)
      return p?.status?.phase === 'Succeeded'
    })
    assert.ok(!phases.includes('Succeeded'), 'not called ended while a sidecar runs')
    await run('reader', {
      restartPolicy: 'Never',
      volumes: pod.spec.volumes ?? [],
      containers: [shell('cat /log/all > /dev/termination-log', { volumeMounts })],
    })
    const read = await world.until('reader', p => p?.status?.phase === 'Succeeded')
    assert.equal(main(read)?.state?.terminated?.message, 'main\nhook\nhook\ntwo\none\n')
    await remove('reader')
    await remove('done')
  })

  it('starts a container when the postStart hook of the one before it has ended', async () => {
    const pod = await run('held', {
      containers: [
        shell(HEEDS_TERM, { name: 'proxy', lifecycle: { postStart: { exec: { command: ['sleep', '1'] } } } }),
        shell(HEEDS_TERM),
      ],
    })
    await world.until('held', isReady)
    const started = (name: string) =>
      agent.containers.ofPod(pod.metadata.uid ?? '').find(({ container }) => container === name)?.startedAt ?? 0
    assert.ok(started('main') - started('proxy') >= 1_000)
    await remove('held')
  })

  it('adds a second ephemeral container, which sees the processes of its target', async () => {
    const pod = await run('debugged', { containers: [shell(`${HEEDS_TERM} # the target`)] })
    await world.until('debugged', isReady)
    const debug = (name: string, targetContainerName?: string) => ({
      ...shell(HEEDS_TERM, { name }),
      ...(targetContainerName && { targetContainerName }),
    })
    await change(pod, { ephemeralContainers: [debug('first')] })
    await world.until('debugged', p => p?.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined)
    await change(pod, { ephemeralContainers: [debug('first'), debug('second', 'main')] })
    const both = await world.until('debugged', p => p?.status?.ephemeralContainerStatuses?.[1]?.state?.running !== undefined)
    assert.match(await inside(both, 'ps', 'second'), /# the target/)
    assert.doesNotMatch(await inside(both, 'ps', 'first'), /# the target/)
    assert.equal(main(both)?.restartCount, 0)
    await remove('debugged')
  })

  it('bounds processes and shared memory, and sets sysctls and groups', async () => {
    await run('bounded', {
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 3000,
        fsGroup: 2000,
        supplementalGroups: [4000],
        supplementalGroupsPolicy: 'Strict',
        sysctls: [
          { name: 'net.ipv4.ip_unprivileged_port_start', value: '1' },
          { name: 'kernel/msgmax', value: '65536' },
        ],
      },
      containers: [shell(HEEDS_TERM, { securityContext: { capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: false } })],
    })
    const pod = await world.until('bounded', isReady)
    assert.equal(await inside(pod, 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max'), String(MAX_PIDS))
    assert.equal(await inside(pod, "df -k /dev/shm | tail -1 | awk '{ print $2 }'"), '65536')
    assert.equal(await inside(pod, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax'), '1\n65536')
    assert.equal(await inside(pod, 'id -u; id -g; id -G'), '1000\n3000\n3000 2000 4000')
    assert.match(await inside(pod, 'grep -E "CapBnd|NoNewPrivs" /proc/self/status'), /CapBnd:\s+0+\nNoNewPrivs:\s+1/)
    await remove('bounded')
  })

  it('fails a pod whose sysctls the node does not allow, with nothing started', async () => {
    await run('unsafe', { securityContext: { sysctls: [{ name: 'kernel.sem', value: '1' }] }, containers: [shell(HEEDS_TERM)] })
    const pod = await world.until('unsafe', p => p?.status?.phase === 'Failed')
    assert.equal(pod?.status?.reason, 'SysctlForbidden')
    assert.equal(pod?.status?.message, 'Pod was rejected: forbidden sysctl: "kernel.sem" not allowlisted')
    assert.equal(agent.containers.ofPod(pod?.metadata.uid ?? '').length, 0)
    await remove('unsafe')
  })

  it('shares processes on the host network', async () => {
    await run('shared', {
      hostNetwork: true,
      shareProcessNamespace: true,
      containers: [shell(`${HEEDS_TERM} # one`), shell(HEEDS_TERM, { name: 'two' })],
    })
    const pod = await world.until('shared', isReady)
    assert.match(await inside(pod, 'ps', 'two'), /# one/)
    assert.equal(pod?.status?.podIP, pod?.status?.hostIP)
    await remove('shared')
  })

  it('asks a container to stop with its own signal', async () => {
    await run('signalled', {
      terminationGracePeriodSeconds: 10,
      os: { name: 'linux' },
      containers: [
        shell('trap "echo usr1 > /dev/termination-log; exit 7" USR1; trap "" TERM; > /ready; while :; do sleep 0.1 & wait $!; done', {
          lifecycle: { stopSignal: 'SIGUSR1' },
          // A signal that comes before its trap is lost on a process that is the first of its namespace.
          readinessProbe: { exec: { command: ['cat', '/ready'] } },
        }),
      ],
    })
    await world.until('signalled', isReady)
    let last: Pod | undefined
    await world.delete('signalled')
    await world.until('signalled', p => {
      last = p ?? last
      return p === undefined
    })
    assert.equal(main(last)?.state?.terminated?.exitCode, 7)
    assert.equal(main(last)?.state?.terminated?.message, 'usr1\n')
  })

  it('kills a probe that hangs with what it started, and runs one at a time', async () => {
    await run('hangs', {
      containers: [
        shell(HEEDS_TERM, {
          readinessProbe: { exec: { command: ['sh', '-c', 'sleep 4321 & wait'] }, periodSeconds: 1, timeoutSeconds: 1 },
        }),
      ],
    })
    await world.until('hangs', p => p?.status?.phase === 'Running')
    const pod = await world.get('hangs')
    await world.eventually('three failures', () => words('hangs').filter(word => word.startsWith('Unhealthy')).length >= 3, 15_000)
    // The shell and the child of the probe that runs now, and of one that is being killed.
    assert.ok(Number(await inside(pod, 'ps | grep -c "[s]leep 4321"')) <= 4)
    assert.ok(words('hangs').some(word => word.includes('timed out after 1s')))
    await remove('hangs')
  })

  it('calls a container OOMKilled also when only its child was', async () => {
    const wait = (file: string) => `until [ -e ${file} ]; do sleep 0.1; done`
    await run('greedy', {
      restartPolicy: 'Never',
      containers: [
        shell(`${wait('/go')}; dd if=/dev/zero of=/dev/null bs=96M count=1; ${wait('/told')}; exit 3`, {
          resources: { requests: { memory: '24Mi' }, limits: { memory: '24Mi' } },
        }),
      ],
    })
    const running = await world.until('greedy', p => main(p)?.state?.running !== undefined)
    const id = await containerId(agent, running, 'main')
    // Docker hears of nothing that happens before it has told of the start, and of the rest later than the child's parent.
    await inside(running, 'touch /go')
    const heard = await agent.docker.raw.getEvents({ since: 0, filters: { container: [id], event: ['oom'] } })
    await once(heard, 'data', { signal: AbortSignal.timeout(20_000) })
    ;(heard as Readable).destroy()
    await inside(running, 'touch /told')
    const pod = await world.until('greedy', p => p?.status?.phase === 'Failed')
    assert.deepEqual([main(pod)?.state?.terminated?.reason, main(pod)?.state?.terminated?.exitCode], ['OOMKilled', 3])
    await remove('greedy')
  })

  it('ends a pod by a deadline that it was given while it ran', async () => {
    const pod = await run('slow', { containers: [shell(HEEDS_TERM)] })
    await world.until('slow', isReady)
    await change(pod, { activeDeadlineSeconds: 2 })
    const over = await world.until('slow', p => p?.status?.phase === 'Failed')
    assert.deepEqual([over?.status?.reason, main(over)?.state?.running], ['DeadlineExceeded', undefined])
    await remove('slow')
  })

  it('takes no volume from a pod on the host network before that has stopped', async () => {
    const script = 'echo kept > /v/f; trap "sleep 0.5; cat /v/f > /dev/termination-log; exit 0" TERM; while :; do sleep 0.1 & wait $!; done'
    await run('hosted', {
      hostNetwork: true,
      activeDeadlineSeconds: 2,
      terminationGracePeriodSeconds: 5,
      containers: [shell(script, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      volumes: [{ name: 'v', emptyDir: {} }],
    })
    const over = await world.until('hosted', p => p?.status?.phase === 'Failed')
    assert.equal(main(over)?.state?.terminated?.message, 'kept\n')
    await remove('hosted')
  })

  it('runs by the runtime of its RuntimeClass, and says when Docker has none of that name', async () => {
    const define = (name: string, handler: string) =>
      world.api.resource(runtimeClassKind).create({ apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name }, handler })
    await define('plain', 'runc')
    await define('secure', 'runsc')
    await run('plain', { runtimeClassName: 'plain', containers: [shell(HEEDS_TERM)] })
    await world.until('plain', isReady)
    await run('secure', { runtimeClassName: 'secure', containers: [shell(HEEDS_TERM)] })
    const pod = await world.until('secure', p => main(p)?.state?.waiting?.reason === 'CreateContainerError')
    assert.match(main(pod)?.state?.waiting?.message ?? '', /runtime.*runsc/i)
    await run('absent', { runtimeClassName: 'absent', containers: [shell(HEEDS_TERM)] })
    await world.until('absent', () => words('absent').some(word => /^FailedCreatePodSandBox: .*absent/.test(word)))
    for (const name of ['plain', 'secure', 'absent']) await remove(name)
  })
})
