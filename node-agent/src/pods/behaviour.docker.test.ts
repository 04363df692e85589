import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Container, configMapKind, isPodReady, type Pod, type PodSpec, podKind } from '@davit/api'
import { containerId, createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'
const IGNORES_TERM = 'trap "" TERM; while :; do sleep 1; done'
const shell = (script: string, fields: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'busybox:1.36',
  command: ['sh', '-c', script],
  ...fields,
})
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.find(({ name }) => name === 'main')
const restarts = (pod: Pod | undefined) => main(pod)?.restartCount ?? 0

describe('What pods may ask for, on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  before(async () => {
    world = await createWorld(host ?? '')
    agent = await world.startAgent()
  })
  after(() => world.close())

  const run = (name: string, spec: PodSpec) => world.create(name, { terminationGracePeriodSeconds: 1, ...spec })
  const remove = async (name: string, grace?: number) => {
    await world.delete(name, grace)
    await world.until(name, gone => gone === undefined)
  }
  const restartAgent = async () => {
    await agent.stop()
    agent = await world.startAgent()
  }
  const inside = async (pod: Pod | undefined, ...command: string[]) => {
    const { output } = await agent.docker.exec(await containerId(agent, pod), command, { timeoutMs: 5_000 })
    return output.trim()
  }

  it('gives it variables and volumes, and brings changes into them', async () => {
    const hostDir = await mkdtemp(join(tmpdir(), 'davit-host-'))
    await writeFile(join(hostDir, 'file'), 'from the host')
    const map = await world.createConfigMap('app', { level: 'debug', 'nginx.conf': 'one' })
    await world.createSecret('db', { password: 's3cret' })
    await run('volumes', {
      containers: [
        shell(HEEDS_TERM, {
          env: [
            { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'app', key: 'level' } } },
            { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          volumeMounts: [
            { name: 'config', mountPath: '/config' },
            { name: 'config', mountPath: '/etc/one.conf', subPath: 'nginx.conf' },
            { name: 'secret', mountPath: '/secret', readOnly: true },
            { name: 'scratch', mountPath: '/scratch' },
            { name: 'scratch', mountPath: '/deep', subPath: 'a/b' },
            { name: 'memory', mountPath: '/memory' },
            { name: 'host', mountPath: '/host' },
            { name: 'me', mountPath: '/me' },
          ],
        }),
      ],
      volumes: [
        { name: 'config', configMap: { name: 'app' } },
        { name: 'secret', secret: { secretName: 'db', defaultMode: 0o400 } },
        { name: 'scratch', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
        { name: 'host', hostPath: { path: hostDir, type: 'Directory' } },
        { name: 'me', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ],
    })
    const pod = await world.until('volumes', isReady)
    const script =
      'echo $LEVEL $PASSWORD $IP; cat /config/level /etc/one.conf /secret/password /host/file /me/name; echo; echo x > /deep/y; cat /scratch/a/b/y; stat -c %a /secret/..data/password; df -t tmpfs /secret /memory | grep -c davit'
    const [first, ...rest] = (await inside(pod, 'sh', '-c', script)).split('\n')
    assert.equal(first, `debug s3cret ${pod?.status?.podIP}`)
    assert.deepEqual(rest, ['debugones3cretfrom the hostvolumes', 'x', '400', '2'])
    assert.equal(await inside(pod, 'sh', '-c', '(echo no > /config/level) 2>/dev/null; cat /config/level'), 'debug', 'not writable')

    await world.api.resource(configMapKind).update({ ...map, data: { level: 'info' } })
    await world.eventually('the new value', async () => {
      await agent.manager.refreshVolumes()
      return (await inside(pod, 'cat', '/config/level')) === 'info'
    })
    await remove('volumes')
    await rm(join(hostDir, 'file'))
    await rm(hostDir, { recursive: true })
  })

  it('waits for a Secret that is missing, and says so', async () => {
    await run('waits', { containers: [shell(HEEDS_TERM, { envFrom: [{ secretRef: { name: 'db-config' } }] })] })
    const pod = await world.until('waits', p => main(p)?.state?.waiting?.reason === 'CreateContainerConfigError')
    assert.equal(main(pod)?.state?.waiting?.message, 'secret "db-config" not found')
    await world.createSecret('db-config', { a: 'b' })
    await world.until('waits', isReady)
    await remove('waits')
  })

  it('runs init containers in order and a sidecar beside the others', async () => {
    const volumeMounts = [{ name: 'log', mountPath: '/log' }]
    const step = (name: string, fields: Partial<Container> = {}) => shell(`echo ${name} >> /log/all`, { name, volumeMounts, ...fields })
    await run('init', {
      volumes: [{ name: 'log', emptyDir: {} }],
      initContainers: [
        step('one'),
        shell(`echo side >> /log/all; ${HEEDS_TERM}`, {
          name: 'side',
          restartPolicy: 'Always',
          volumeMounts,
          startupProbe: { exec: { command: ['grep', 'side', '/log/all'] } },
        }),
        step('two'),
      ],
      containers: [shell(`echo main >> /log/all; ${HEEDS_TERM}`, { volumeMounts })],
    })
    const pod = await world.until('init', isReady)
    assert.equal(await inside(pod, 'cat', '/log/all'), 'one\nside\ntwo\nmain')
    assert.deepEqual(
      pod?.status?.initContainerStatuses?.map(({ ready }) => ready),
      [true, true, true],
    )
    await remove('init')
  })

  it('heeds readiness, startup and liveness', async () => {
    const exec = (script: string) => ({ exec: { command: ['sh', '-c', script] }, periodSeconds: 1, failureThreshold: 1 })
    await run('probes', {
      containers: [
        shell(`touch /ready; ${HEEDS_TERM}`, {
          startupProbe: exec('test -e /ready'),
          readinessProbe: exec('test -e /ready'),
          livenessProbe: exec('! test -e /sick'),
        }),
      ],
    })
    const pod = await world.until('probes', isReady)
    await inside(pod, 'rm', '/ready')
    await world.until('probes', p => p !== undefined && !isPodReady(p) && p.status?.phase === 'Running')
    await inside(pod, 'touch', '/ready')
    await world.until('probes', isReady)
    await inside(pod, 'touch', '/sick')
    const again = await world.until('probes', p => restarts(p) === 1 && isReady(p))
    assert.equal(main(again)?.lastState?.terminated?.exitCode, 0)
    const reasons = world.events.filter(event => event.pod === 'probes').map(({ reason }) => reason)
    assert.ok(reasons.includes('Unhealthy') && reasons.includes('Killing'), reasons.join())
    await remove('probes')
  })

  it('asks by HTTP and TCP at the pod’s address', async () => {
    await run('http', {
      containers: [
        {
          name: 'main',
          image: 'nginx:1.25',
          ports: [{ name: 'web', containerPort: 80 }],
          readinessProbe: { httpGet: { path: '/hostname', port: 'web', httpHeaders: [{ name: 'X-Test', value: '1' }] } },
          livenessProbe: { tcpSocket: { port: 80 } },
        },
      ],
    })
    await world.until('http', isReady)
    await remove('http')
    await run('http-no', {
      containers: [
        {
          name: 'main',
          image: 'nginx:1.25',
          livenessProbe: { httpGet: { path: '/nope', port: 80 }, periodSeconds: 1, failureThreshold: 1 },
        },
      ],
    })
    await world.until('http-no', p => restarts(p) >= 1)
    const told = world.events.filter(event => event.pod === 'http-no' && event.reason === 'Unhealthy').map(({ message }) => message)
    assert.ok(told.includes('Liveness probe failed: HTTP probe failed with statuscode: 404'), told.join('\n'))
    await remove('http-no')
  })

  it('stops in order: hook, SIGTERM, and SIGKILL when the grace is over', async () => {
    const preStop = { exec: { command: ['sh', '-c', 'echo hook > /dev/termination-log'] } }
    await world.create('stop', {
      terminationGracePeriodSeconds: 20,
      containers: [
        shell('trap "echo term >> /dev/termination-log; exit 7" TERM; while :; do sleep 0.1 & wait $!; done', { lifecycle: { preStop } }),
      ],
    })
    await world.until('stop', isReady)
    const statuses: Pod[] = []
    const written = world.api.statusWrites.length
    await remove('stop')
    statuses.push(...(world.api.statusWrites.slice(written) as unknown as Pod[]))
    const ended = statuses.map(main).findLast(status => status?.state?.terminated)?.state?.terminated
    assert.deepEqual([ended?.exitCode, ended?.message], [7, 'hook\nterm\n'])

    await world.create('stubborn', { terminationGracePeriodSeconds: 60, containers: [shell(IGNORES_TERM)] })
    await world.until('stubborn', isReady)
    await world.delete('stubborn')
    await world.eventually('the stop', () => world.events.some(({ pod, reason }) => pod === 'stubborn' && reason === 'Killing'))
    const since = performance.now()
    await remove('stubborn', 1)
    assert.ok(performance.now() - since < 8_000, 'a second deletion with less grace was heeded')
  })

  it('shows the last words of what failed', async () => {
    await run('words', {
      restartPolicy: 'Never',
      containers: [shell('echo out of luck; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    })
    const pod = await world.until('words', p => p?.status?.phase === 'Failed')
    assert.deepEqual([main(pod)?.state?.terminated?.exitCode, main(pod)?.state?.terminated?.message], [4, 'out of luck\n'])
    await remove('words')
  })

  it('ends a pod whose active deadline has passed', async () => {
    await run('late', { activeDeadlineSeconds: 1, restartPolicy: 'Never', containers: [shell(HEEDS_TERM)] })
    const pod = await world.until('late', p => p?.status?.phase === 'Failed' && main(p)?.state?.terminated !== undefined)
    assert.equal(pod?.status?.reason, 'DeadlineExceeded')
    await remove('late')
  })

  it('starts an ephemeral container in a pod whose container crashes', async () => {
    const created = await run('crashes', { containers: [shell('sleep 0.3; exit 1')] })
    await world.until('crashes', p => main(p)?.state?.waiting?.reason === 'CrashLoopBackOff')
    const spec: PodSpec = {
      ...created.spec,
      ephemeralContainers: [{ name: 'debug', image: 'busybox:1.36', command: ['sh', '-c', HEEDS_TERM] }],
    }
    await world.api.resource(podKind).patch({ name: 'crashes', namespace: 'default' }, { type: 'merge', body: { spec } })
    const pod = await world.until('crashes', p => p?.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined)
    const { id = '' } = agent.manager.findContainer({ podUid: pod?.metadata.uid ?? '', container: 'debug' }) ?? {}
    const { output } = await agent.docker.exec(id, ['hostname', '-i'], { timeoutMs: 5_000 })
    assert.equal(output.trim(), pod?.status?.podIP)
    await remove('crashes')
  })

  it('comes back with the same address when its sandbox is killed', async () => {
    await run('sandboxed', { containers: [shell(HEEDS_TERM), shell(HEEDS_TERM, { name: 'second' })] })
    const pod = await world.until('sandboxed', isReady)
    const uid = pod?.metadata.uid ?? ''
    const sandbox = agent.containers.ofPod(uid).find(({ container }) => container === 'POD')
    await agent.docker.killContainer(sandbox?.id ?? '', 'SIGKILL')
    const again = await world.until('sandboxed', p => restarts(p) === 1 && isReady(p))
    assert.equal(again?.status?.podIP, pod?.status?.podIP)
    await remove('sandboxed')
  })

  it('lives through docker system prune -af, running and finished', async () => {
    await run('runs', { containers: [shell(HEEDS_TERM)] })
    await run('ran', { restartPolicy: 'Never', containers: [shell('exit 0')] })
    await run('failed', { containers: [shell('exit 1')] })
    const pod = await world.until('runs', isReady)
    await world.until('ran', p => p?.status?.phase === 'Succeeded')
    await world.until('failed', p => restarts(p) === 1 && main(p)?.state?.waiting?.reason === 'CrashLoopBackOff')
    await agent.docker.raw.pruneContainers()
    await world.until('failed', p => restarts(p) === 2, 15_000)
    assert.equal((await world.get('ran'))?.status?.phase, 'Succeeded')
    assert.equal(main(await world.get('runs'))?.containerID, main(pod)?.containerID)
    for (const name of ['runs', 'ran', 'failed']) await remove(name)
  })

  it('restarts what died while the agent was away, and goes on from its checkpoints while the API is away', async () => {
    await run('away', { containers: [shell(HEEDS_TERM)] })
    const pod = await world.until('away', isReady)
    const { id = '' } = agent.manager.findContainer({ podUid: pod?.metadata.uid ?? '', container: 'main' }) ?? {}
    await agent.stop()
    await agent.docker.killContainer(id, 'SIGKILL')
    world.api.away = new Error('The API is away')
    agent = await world.startAgent()
    const running = () =>
      agent.containers.ofPod(pod?.metadata.uid ?? '').find(({ container, state }) => container === 'main' && state === 'running')
    await world.eventually('the second attempt', () => running()?.attempt === 1)
    world.api.away = undefined
    const again = await world.until('away', p => restarts(p) === 1 && isReady(p))
    assert.equal(main(again)?.lastState?.terminated?.exitCode, 137)
    await remove('away')
  })

  it('stops and removes what the API no longer has, also after a restart', async () => {
    const [first, second] = [
      await run('forced', { containers: [shell(IGNORES_TERM)] }),
      await run('forgotten', { containers: [shell(HEEDS_TERM)] }),
    ]
    await world.until('forced', isReady)
    await world.until('forgotten', isReady)
    await world.delete('forced', 0)
    await world.eventually('its end', () => agent.containers.ofPod(first.metadata.uid ?? '').length === 0)
    await agent.stop()
    await world.delete('forgotten', 0)
    agent = await world.startAgent()
    await world.eventually('its end', () => agent.containers.ofPod(second.metadata.uid ?? '').length === 0)
  })

  it('changes nobody’s readiness when it restarts', async () => {
    await run('probed', {
      containers: [
        shell(`touch /ready; ${HEEDS_TERM}`, { readinessProbe: { exec: { command: ['test', '-e', '/ready'] }, periodSeconds: 30 } }),
      ],
    })
    await world.until('probed', isReady)
    const written = world.api.statusWrites.length
    await restartAgent()
    await run('marker', { containers: [shell(HEEDS_TERM)] })
    await world.until('marker', isReady)
    assert.deepEqual(
      world.api.statusWrites.slice(written).filter(({ metadata }) => metadata.name === 'probed'),
      [],
    )
    for (const name of ['probed', 'marker']) await remove(name)
  })

  it('kills a container whose postStart hook fails', async () => {
    await run('hooked', { containers: [shell(HEEDS_TERM, { lifecycle: { postStart: { exec: { command: ['false'] } } } })] })
    await world.until('hooked', p => restarts(p) >= 1)
    assert.ok(world.events.some(({ pod, reason }) => pod === 'hooked' && reason === 'FailedPostStartHook'))
    await remove('hooked')
  })
})
