import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import {
  type Container,
  configMapKind,
  isPodReady,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type PersistentVolumeSpec,
  type Pod,
  type PodSpec,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  systemClock,
  type Volume,
  type VolumeMount,
} from '@davit/api'
import { claimsDirectory, cleanUpVolumes, startReclaimer } from '../volumes/index.ts'
import { containerId, createWorld, type TestAgent, type TestWorld } from './test-agent.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST
const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'
const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.find(({ name }) => name === 'main')

describe('What pods mount, on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  before(async () => {
    world = await createWorld(host ?? '')
    world.api.answerPost = ({ name }, subresource, sent) => answerToken(name, subresource, sent)
    agent = await world.startAgent()
  })
  after(() => world.close())

  let tokens = 0
  let tokenLife = 3600
  const answerToken = (account: string, subresource: string, sent: object) => {
    assert.equal(subresource, 'token')
    const { spec } = sent as { spec: { audiences: string[]; boundObjectRef: { name: string } } }
    const token = `${account}.${spec.boundObjectRef.name}.${spec.audiences.join('+')}.${++tokens}`
    return { spec: { expirationSeconds: tokenLife }, status: { token, expirationTimestamp: new Date().toISOString() } }
  }

  const spec = (
    mounts: VolumeMount[],
    volumes: Volume[],
    { container = {}, ...more }: Partial<PodSpec> & { container?: Partial<Container> } = {},
  ): PodSpec => ({
    terminationGracePeriodSeconds: 1,
    volumes,
    containers: [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', HEEDS_TERM], volumeMounts: mounts, ...container }],
    ...more,
  })
  const run = async (name: string, wanted: PodSpec) => {
    await world.create(name, wanted)
    return world.until(name, isReady)
  }
  const remove = async (...names: string[]) => {
    for (const name of names) await world.delete(name)
    for (const name of names) await world.until(name, gone => gone === undefined)
  }
  const inside = async (name: string, script: string) => {
    const pod = await world.get(name)
    const { output } = await agent.docker.exec(await containerId(agent, pod), ['sh', '-c', script], { timeoutMs: 5_000 })
    return output.trim()
  }
  /** Waits for an Event of the pod; its message. */
  const told = async (name: string, reason: string, text: string) => {
    const find = () => world.events.find(event => event.pod === name && event.reason === reason && event.message.includes(text))
    await world.eventually(`an event ${reason} of ${name} with "${text}"`, () => find() !== undefined)
    return find()?.message ?? ''
  }
  const restartAgent = async () => {
    await agent.stop()
    agent = await world.startAgent()
  }

  const createClaim = (name: string, fields: Partial<PersistentVolumeClaim['spec']> = {}) =>
    world.api.resource(persistentVolumeClaimKind).create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], ...fields },
    })
  /** What the controllers do: a volume for the claim, and both told of each other. */
  const bind = async (
    claim: PersistentVolumeClaim,
    source: Partial<PersistentVolumeSpec>,
    { provisioned = false, name = `pvc-${claim.metadata.uid}` } = {},
  ): Promise<PersistentVolume> => {
    const volume = await world.api.resource(persistentVolumeKind).create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name,
        labels: { 'kubernetes.io/hostname': 'test' },
        ...(provisioned && { annotations: { 'pv.kubernetes.io/provisioned-by': 'davit.dev/local' } }),
      },
      spec: {
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: { name: claim.metadata.name ?? '', namespace: 'default', ...(claim.metadata.uid && { uid: claim.metadata.uid }) },
        ...source,
      },
    })
    const bound = { ...claim, spec: { ...claim.spec, volumeName: name }, status: { phase: 'Bound' as const } }
    await world.api.resource(persistentVolumeClaimKind).update(bound)
    return volume
  }
  const provision = async (name: string, fields: Partial<PersistentVolumeClaim['spec']> = {}) => {
    const claim = await createClaim(name, fields)
    return bind(claim, { local: { path: join(claimsDirectory(world.dataDir), `pvc-${claim.metadata.uid}`) } }, { provisioned: true })
  }
  const data = (claimName: string): Volume => ({ name: 'data', persistentVolumeClaim: { claimName } })
  const AT_DATA = [{ name: 'data', mountPath: '/data' }]

  const mountTable = async () =>
    (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter(line => line.includes(world.dataDir)).length
  const entries = async (dir: string) => (await readdir(join(world.dataDir, dir)).catch(() => [])).length

  it('leaves nothing behind of any volume but what claims hold', async () => {
    const hostDir = await mkdtemp(join(tmpdir(), 'davit-host-'))
    await world.createConfigMap('all', { key: 'from a map' })
    await world.createSecret('all', { key: 'from a secret' })
    await provision('all')
    const second = await createClaim('all-docker')
    const volumeAttributes = { driver: 'local' }
    await bind(
      second,
      { csi: { driver: 'docker.davit.dev', volumeHandle: `pvc-${second.metadata.uid}`, volumeAttributes } },
      { provisioned: true },
    )
    const token = { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }
    const volumes: Volume[] = [
      { name: 'empty', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
      { name: 'host', hostPath: { path: hostDir, type: 'Directory' } },
      { name: 'map', configMap: { name: 'all' } },
      { name: 'secret', secret: { secretName: 'all' } },
      { name: 'me', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      { name: 'projected', projected: { sources: [token, { configMap: { name: 'all' } }] } },
      { name: 'claim', persistentVolumeClaim: { claimName: 'all' } },
      { name: 'docker', persistentVolumeClaim: { claimName: 'all-docker' } },
      { name: 'image', image: { reference: 'busybox:1.36', pullPolicy: 'IfNotPresent' } },
    ]
    const mounts: VolumeMount[] = [
      ...volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` })),
      { name: 'empty', mountPath: '/sub/empty', subPath: 'deep/er' },
      { name: 'secret', mountPath: '/sub/key', subPath: 'key' },
      { name: 'docker', mountPath: '/sub/docker', subPath: 'part' },
    ]
    await run('all', spec(mounts, volumes, { serviceAccountName: 'robot' }))
    const script =
      'cd /v; echo kept > claim/f; echo kept > docker/f; echo x > empty/deep/er/y; cat map/key secret/key me/name projected/token projected/key /sub/key /sub/empty/y; ls image/bin/sh; ls -d docker/part; (echo no > image/x) 2>/dev/null || echo read-only'
    const [first, ...rest] = (await inside('all', script)).split('\n')
    assert.match(first ?? '', /^from a mapfrom a secretallrobot\.all\.vault\.\d+from a mapfrom a secretx$/)
    assert.deepEqual(rest, ['image/bin/sh', 'docker/part', 'read-only'])
    const uid = (await world.get('all'))?.metadata.uid ?? ''
    assert.equal((await stat(join(world.dataDir, 'memory', uid, 'secret'))).isDirectory(), true)
    assert.equal(await mountTable(), 1 + 1 + 3, 'one tmpfs for all secrets, one for the emptyDir, one bind a subPath')
    await remove('all')
    assert.equal(await mountTable(), 1, 'only the tmpfs that all pods share')
    // The checkpoint goes last, after the object.
    await world.eventually('the end of its directory', async () => (await entries('pods')) === 0)
    for (const dir of ['memory', 'image-volumes']) assert.equal(await entries(dir), 0, dir)
    assert.equal(await entries('claims'), 2, 'a directory and its marker')
    await agent.docker.raw.getVolume(`pvc-${second.metadata.uid}`).inspect()
    await rm(hostDir, { recursive: true })
  })

  it('waits for a claim, keeps its data over pods and agents, and says what is wrong with others', async () => {
    const claim = await createClaim('rows')
    await world.create('rows', spec(AT_DATA, [data('rows')]))
    await told('rows', 'FailedMount', 'persistentvolumeclaim "rows" is not bound')
    await bind(claim, { local: { path: join(claimsDirectory(world.dataDir), `pvc-${claim.metadata.uid}`) } }, { provisioned: true })
    await world.until('rows', isReady)
    await inside('rows', 'chmod 700 /data; echo 1 > /data/row')
    await restartAgent()
    await remove('rows')
    // The API may be away when the pod's container dies: what was found once is enough.
    await run('rows', spec(AT_DATA, [data('rows')]))
    assert.equal(await inside('rows', 'cat /data/row; stat -c %a /data'), '1\n700')
    const { id = '' } = agent.manager.findContainer({ podUid: (await world.get('rows'))?.metadata.uid ?? '', container: 'main' }) ?? {}
    await agent.stop()
    await agent.docker.killContainer(id, 'SIGKILL')
    world.api.away = new Error('The API is away')
    agent = await world.startAgent()
    const uid = () => agent.containers.ofPod(agent.containers.podUids()[0] ?? '')
    await world.eventually('the second attempt', () =>
      uid().some(({ container, state, attempt }) => container === 'main' && state === 'running' && attempt === 1),
    )
    world.api.away = undefined
    await world.until('rows', pod => main(pod)?.restartCount === 1 && isReady(pod))
    await remove('rows')

    const missing = join(world.dataDir, 'static')
    for (const [name, source, why] of [
      ['static', { local: { path: missing } }, `path "${missing}" does not exist`],
      ['iscsi', { iscsi: { targetPortal: 'a', iqn: 'b', lun: 0 } }, "volumes of type iscsi are not served on Davit's nodes"],
      [
        'csi',
        { csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'x' } },
        'driver name ebs.csi.aws.com not found in the list of registered CSI drivers',
      ],
      ['block', { volumeMode: 'Block', hostPath: { path: '/dev/null' } }, 'volumeMode is Block, and /dev/null is not a block device'],
      [
        'elsewhere',
        {
          local: { path: '/tmp' },
          nodeAffinity: {
            required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['other'] }] }] },
          },
        },
        'no matching NodeSelectorTerms',
      ],
    ] as const) {
      await bind(await createClaim(name), source as unknown as PersistentVolumeSpec, { name })
      await world.create(name, spec(AT_DATA, [data(name)]))
      await told(name, 'FailedMount', why)
      if (name === 'static') await mkdir(missing)
    }
    await world.until('static', isReady, 20_000)
    await remove('static', 'iscsi', 'csi', 'block', 'elsewhere')
  })

  it('enforces access modes', async () => {
    await provision('ro', { accessModes: ['ReadOnlyMany'] })
    await run('ro', spec(AT_DATA, [data('ro')]))
    assert.match(await inside('ro', 'touch /data/x 2>&1'), /Read-only/)
    await remove('ro')
    await provision('one', { accessModes: ['ReadWriteOncePod'] })
    await run('first', spec(AT_DATA, [data('one')]))
    await world.create('second', spec(AT_DATA, [data('one')]))
    await told('second', 'FailedMount', 'volume uses the ReadWriteOncePod access mode and is already in use by another pod')
    await remove('first')
    await world.until('second', isReady)
    await remove('second')
    // One that has ended uses nothing, though it is still there.
    await world.create('ended', spec(AT_DATA, [data('one')], { restartPolicy: 'Never', container: { command: ['true'] } }))
    await world.until('ended', pod => pod?.status?.phase === 'Succeeded')
    await run('third', spec(AT_DATA, [data('one')]))
    await remove('ended', 'third')
  })

  it('gives volumes to the fsGroup, and leaves a root that is right alone', async () => {
    const volume = await provision('grouped')
    const path = volume.spec.local?.path ?? ''
    await world.createSecret('grouped', { key: 'x' })
    const volumes: Volume[] = [
      data('grouped'),
      { name: 'empty', emptyDir: {} },
      { name: 'secret', secret: { secretName: 'grouped', defaultMode: 0o400 } },
    ]
    const mounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }))
    const securityContext = { runAsUser: 1000, fsGroup: 2000 }
    await run('grouped', spec(mounts, volumes, { securityContext }))
    const script = 'touch /data/f /empty/f; stat -c "%a %g" /data /data/f /empty /empty/f /secret /secret/..data/key; cat /secret/key'
    assert.deepEqual((await inside('grouped', script)).split('\n'), [
      '2777 2000',
      '644 2000',
      '2777 2000',
      '644 2000',
      '2755 2000',
      '440 2000',
      'x',
    ])
    await remove('grouped')
    const file = join(path, 'f')
    const groupOf = async () => (await stat(file)).gid
    const again = async (policy: 'Always' | 'OnRootMismatch', fsGroup: number) => {
      await run('again', spec(AT_DATA, [data('grouped')], { securityContext: { fsGroup, fsGroupChangePolicy: policy } }))
      await remove('again')
    }
    await chmod(file, 0o600)
    await again('OnRootMismatch', 2000)
    assert.equal((await stat(file)).mode & 0o777, 0o600, 'the root was right')
    await again('OnRootMismatch', 3000)
    assert.deepEqual([await groupOf(), (await stat(file)).mode & 0o777], [3000, 0o660])
    await symlink('/etc/passwd', join(path, 'link'))
    await again('Always', 4000)
    assert.deepEqual([await groupOf(), (await stat('/etc/passwd')).gid], [4000, 0], 'no link is followed')
  })

  it('renews tokens and brings changes of objects at once', async () => {
    tokenLife = 3
    const volumes: Volume[] = [
      { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      { name: 'map', configMap: { name: 'later', optional: true } },
      { name: 'need', configMap: { name: 'need' } },
      { name: 'me', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    ]
    await world.createConfigMap('need', { key: 'one' })
    await run(
      'live',
      spec(
        volumes.map(({ name }) => ({ name, mountPath: `/${name}` })),
        volumes,
        { securityContext: { runAsUser: 1000 } },
      ),
    )
    const first = await inside('live', 'cat /token/token')
    assert.match(first, /^default\.live\.\.\d+$/)
    assert.equal(await inside('live', 'stat -Lc "%a %u" /token/token'), '600 1000')
    const token = () => inside('live', 'cat /token/token')
    await world.eventually('the next token', async () => (await token()) !== first)
    tokenLife = 3600

    await world.createConfigMap('later', { key: 'came' })
    await world.eventually('what came later', async () => (await inside('live', 'cat /map/key 2>/dev/null')) === 'came', 3_000)
    const need = await world.api.resource(configMapKind).get({ namespace: 'default', name: 'need' })
    await world.api.resource(configMapKind).update({ ...need, data: { key: 'two', more: 'x' } } as typeof need)
    await world.eventually('the change', async () => (await inside('live', 'cat /need/key /need/more')) === 'twox', 3_000)
    await world.api.resource(configMapKind).delete({ namespace: 'default', name: 'need' })
    await told('live', 'FailedMount', 'MountVolume.SetUp failed for volume "need" : configmap "need" not found')
    assert.equal(await inside('live', 'cat /need/key'), 'two', 'it keeps what it had')
    await world.createConfigMap('need', { key: 'three' })
    await world.eventually('what came back', async () => (await inside('live', 'cat /need/key; ls /need')) === 'threekey', 3_000)
    await world.api
      .resource(podKind)
      .patch({ name: 'live', namespace: 'default' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
    await world.eventually('the label', async () => (await inside('live', 'cat /me/labels')) === 'a="b"', 3_000)
    await remove('live')
  })

  it('refuses subPaths that lead out, and goes on when they are mended', async () => {
    await world.createConfigMap('site', { 'index.html': 'mine' })
    const expr = (subPathExpr: string) => [{ name: 'work', mountPath: '/steps', subPathExpr }]
    const env = [{ name: 'AT', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['at']" } } }]
    const wanted = spec(expr('$(AT)/x'), [{ name: 'work', emptyDir: {} }], { container: { env, volumeMounts: expr('$(AT)/x') } })
    const why = (text: string) => (pod: Pod | undefined) =>
      main(pod)?.state?.waiting?.reason === 'CreateContainerConfigError' && main(pod)?.state?.waiting?.message === text
    const annotate = (at: string) =>
      world.api
        .resource(podKind)
        .patch({ name: 'expr', namespace: 'default' }, { type: 'merge', body: { metadata: { annotations: { at } } } })
    await world.create('expr', wanted)
    await world.until('expr', why('missing value for AT'))
    await annotate('/tmp')
    await world.until('expr', why('error SubPath `/tmp/x` must not be an absolute path'))
    await annotate('..')
    await world.until('expr', why("unable to provision SubPath `../x`: must not contain '..'"))
    await annotate('here')
    await world.until('expr', isReady)
    assert.equal(await inside('expr', 'stat -c %a /steps'), '777', 'as the volume itself')
    await remove('expr')

    const mounts = [{ name: 'site', mountPath: '/etc/passwd', subPath: 'index.html' }]
    await run('over', spec(mounts, [{ name: 'site', configMap: { name: 'site' } }]))
    assert.equal(await inside('over', 'cat /etc/passwd'), 'mine')
    await remove('over')

    const hostDir = await mkdtemp(join(tmpdir(), 'davit-host-'))
    await symlink('/etc', join(hostDir, 'out'))
    await world.create(
      'out',
      spec([{ name: 'host', mountPath: '/x', subPath: 'out/davit-made' }], [{ name: 'host', hostPath: { path: hostDir } }]),
    )
    await world.until('out', why('failed to prepare subPath for volumeMount "host" of container "main"'))
    await assert.rejects(stat('/etc/davit-made'))
    await remove('out')
    await rm(hostDir, { recursive: true })
  })

  it('serves every type of hostPath, and propagates mounts as asked', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'davit-host-'))
    await writeFile(join(dir, 'file'), '')
    for (const [type, path, why] of [
      ['Directory', 'file', 'hostPath type check failed'],
      ['File', '.', 'hostPath type check failed'],
      ['Socket', 'file', 'hostPath type check failed'],
      ['CharDevice', 'file', 'hostPath type check failed'],
      ['BlockDevice', 'file', 'hostPath type check failed'],
    ] as const) {
      const name = `bad-${type.toLowerCase()}`
      await world.create(name, spec([{ name: 'v', mountPath: '/v' }], [{ name: 'v', hostPath: { path: join(dir, path), type } }]))
      await told(name, 'FailedMount', why)
      await remove(name)
    }
    const volumes: Volume[] = [
      { name: 'made', hostPath: { path: join(dir, 'made'), type: 'DirectoryOrCreate' } },
      { name: 'touched', hostPath: { path: join(dir, 'touched'), type: 'FileOrCreate' } },
      { name: 'untyped', hostPath: { path: join(dir, 'a/b') } },
      { name: 'null', hostPath: { path: '/dev/null', type: 'CharDevice' } },
    ]
    await run(
      'host',
      spec(
        volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` })),
        volumes,
      ),
    )
    assert.equal(await inside('host', 'cd /v; test -d made -a -f touched -a -d untyped -a -c null && echo all'), 'all')
    await remove('host')

    // Whatever this machine's root is: mounts propagate from one that is shared.
    const area = join(dir, 'made')
    for (const args of [
      ['-t', 'tmpfs', 'davit-test', area],
      ['--make-shared', area],
    ])
      await promisify(execFile)('mount', args)
    const shared: Volume[] = [{ name: 'v', hostPath: { path: area } }]
    await run('sees', spec([{ name: 'v', mountPath: '/v', mountPropagation: 'HostToContainer' }], shared))
    await run('alone', spec([{ name: 'v', mountPath: '/v' }], shared))
    await mkdir(join(area, 'm'))
    await promisify(execFile)('mount', ['-t', 'tmpfs', 'davit-test', join(area, 'm')])
    await writeFile(join(area, 'm/f'), 'x')
    assert.deepEqual([await inside('sees', 'cat /v/m/f'), await inside('alone', 'ls /v/m')], ['x', ''])
    await promisify(execFile)('umount', ['--lazy', join(area, 'm')])
    await remove('sees', 'alone')
    await world.create('both', spec([{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }], shared))
    await world.until('both', pod => /only to privileged containers/.test(main(pod)?.state?.waiting?.message ?? ''))
    await remove('both')

    await world.create('rro', spec([{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' }], shared))
    const refused = await world.until('rro', pod => main(pod)?.state?.waiting?.reason === 'CreateContainerConfigError')
    assert.match(main(refused)?.state?.waiting?.message ?? '', /requested recursive read-only mode, but it is not supported by the runtime/)
    await remove('rro')
    await promisify(execFile)('umount', ['--lazy', area])
    await rm(dir, { recursive: true })
  })

  it('shares an image’s files between pods until the last is gone', async () => {
    const volumes: Volume[] = [{ name: 'image', image: { reference: 'nginx:1.25' } }]
    const mounts = [
      { name: 'image', mountPath: '/image' },
      { name: 'image', mountPath: '/html', subPath: 'etc/nginx' },
    ]
    await run('one', spec(mounts, volumes))
    await run('two', spec(mounts, volumes))
    assert.equal(await entries('image-volumes'), 1)
    assert.equal(
      await inside('two', 'test -s /html/nginx.conf && test -x /image/usr/sbin/nginx && ls -d /image/.dockerenv 2>/dev/null; echo done'),
      'done',
    )
    await remove('one')
    assert.equal(await inside('two', 'test -s /html/nginx.conf && echo there'), 'there')
    const listed = await agent.docker.raw.listContainers({ all: true, filters: JSON.stringify({ label: ['davit.dev/image-volume'] }) })
    assert.deepEqual(listed, [], 'the container was only for the export')
    await remove('two')
    assert.equal(await entries('image-volumes'), 0)
    await world.create('none', spec(mounts, [{ name: 'image', image: { reference: 'davit.test/none:1', pullPolicy: 'Never' } }]))
    await told('none', 'FailedMount', 'is not present with pull policy of Never')
    await remove('none')
  })

  it('measures what volumes hold', async () => {
    await provision('measured')
    const volumes: Volume[] = [{ name: 'empty', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory' } }, data('measured')]
    const limits = { memory: '64Mi' }
    await run(
      'measured',
      spec(
        volumes.map(({ name }) => ({ name, mountPath: `/${name}` })),
        volumes,
        { container: { resources: { limits }, volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) } },
      ),
    )
    await inside(
      'measured',
      'dd if=/dev/zero of=/empty/a bs=1M count=5; ln /empty/a /empty/b; dd if=/dev/zero of=/memory/a bs=1M count=3; sync',
    )
    const pod = await world.get('measured')
    const usage = await agent.volumes.usage(pod as Pod, { dir: join(world.dataDir, 'pods', pod?.metadata.uid ?? '') })
    const [empty, memory, claim] = usage
    assert.ok(empty && empty.usedBytes >= 5 << 20 && empty.usedBytes < 6 << 20 && empty.inodesUsed === 2, JSON.stringify(empty))
    assert.deepEqual([memory?.usedBytes, memory?.capacityBytes], [3 << 20, 64 << 20], 'as large as the pod may be')
    assert.deepEqual(claim?.claim, { namespace: 'default', name: 'measured' })
    assert.ok((claim?.capacityBytes ?? 0) > (claim?.availableBytes ?? 0))
    await remove('measured')
  })

  it('hands out a block device of a claim', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'davit-host-'))
    const path = join(dir, 'disk')
    await promisify(execFile)('mknod', [path, 'b', '7', '200'])
    await bind(
      await createClaim('disk', { volumeMode: 'Block' }),
      { volumeMode: 'Block', hostPath: { path, type: 'BlockDevice' } },
      { name: 'disk' },
    )
    const volumeDevices = [{ name: 'data', devicePath: '/dev/xvda' }]
    await run('disk', spec([], [data('disk')], { container: { volumeDevices, volumeMounts: [] } }))
    assert.equal(await inside('disk', 'test -b /dev/xvda && echo block'), 'block')
    await remove('disk')
    await world.create('files', spec(AT_DATA, [data('disk')]))
    await world.until('files', pod => /has volumeMode Block/.test(main(pod)?.state?.waiting?.message ?? ''))
    await remove('files')
    await rm(dir, { recursive: true })
  })

  it('takes away what agents that were killed have left of pods that are gone', async () => {
    await world.createSecret('killed', { key: 'x' })
    await run('killed', spec([{ name: 's', mountPath: '/s' }], [{ name: 's', secret: { secretName: 'killed' } }]))
    await agent.stop()
    const left = join(world.dataDir, 'pods', 'gone-uid')
    await mkdir(join(left, 'volumes/memory'), { recursive: true })
    await promisify(execFile)('mount', ['-t', 'tmpfs', 'davit-test', join(left, 'volumes/memory')])
    for (const dir of ['memory/gone-uid/secret', 'image-volumes/sha256-gone', 'image-volumes/sha256-half.new'])
      await mkdir(join(world.dataDir, dir), { recursive: true })
    const label = { 'davit.dev/image-volume': world.clusterId }
    const half = await agent.docker.raw.createContainer({ Image: 'busybox:1.36', Cmd: ['/never-started'], Labels: label })
    await world.delete('killed', 0)
    agent = await world.startAgent()
    const counts = async () => Promise.all(['pods', 'memory', 'image-volumes'].map(entries))
    await world.eventually('an empty directory', async () => (await counts()).every(count => count === 0))
    assert.equal(await mountTable(), 1, 'only the tmpfs that all pods share')
    await world.eventually('the end of the container', () =>
      half.inspect().then(
        () => false,
        () => true,
      ),
    )
  })

  it('leaves the root of an emptyDir as the pod has made it', async () => {
    await run('own', spec([{ name: 'v', mountPath: '/v' }], [{ name: 'v', emptyDir: {} }]))
    assert.equal(await inside('own', 'stat -c %a /v; chmod 700 /v'), '777')
    await restartAgent()
    await inside('own', 'kill -TERM 1').catch(() => {})
    await world.until('own', pod => main(pod)?.restartCount === 1 && isReady(pod))
    assert.equal(await inside('own', 'stat -c %a /v'), '700')
    await remove('own')
  })

  it('deletes released volumes, and nothing that was not made for them', async () => {
    const stop = new AbortController()
    const warnings: string[] = []
    const release = async (volume: PersistentVolume) =>
      world.api.resource(persistentVolumeKind).update({ ...volume, status: { phase: 'Released' } })
    const isGone = (name: string) =>
      world.api
        .resource(persistentVolumeKind)
        .get({ name })
        .then(
          () => false,
          () => true,
        )
    const reclaimer = startReclaimer({
      client: world.api,
      docker: agent.docker,
      nodeName: 'test',
      dataDir: world.dataDir,
      directory: claimsDirectory(world.dataDir),
      isOwnCluster: () => true,
      warn: (_, message) => void warnings.push(message),
      clock: systemClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      signal: stop.signal,
    })
    const kept = await provision('kept-in-use')
    await run('user', spec(AT_DATA, [data('kept-in-use')]))
    await inside('user', 'mkdir /data/d; echo x > /data/d/f; ln -s /etc /data/link')
    await release(kept)
    await world.eventually('the refusal', () => warnings.some(text => text.includes('it is still used by the pod')))
    await remove('user')
    const name = kept.metadata.name ?? ''
    await world.eventually('the deletion', () => isGone(name), 15_000)
    assert.deepEqual(
      (await readdir(claimsDirectory(world.dataDir))).filter(entry => entry.includes(name)),
      [],
    )
    assert.ok(await stat('/etc/passwd'))

    const claim = await createClaim('in-docker')
    const volumeHandle = `pvc-${claim.metadata.uid}`
    const inDocker = await bind(claim, { csi: { driver: 'docker.davit.dev', volumeHandle } }, { provisioned: true })
    await run('in-docker', spec(AT_DATA, [data('in-docker')]))
    await inside('in-docker', 'echo x > /data/f')
    await remove('in-docker')
    await release(inDocker)
    await world.eventually('the deletion', () => isGone(volumeHandle))
    await assert.rejects(agent.docker.raw.getVolume(volumeHandle).inspect(), /no such volume/i)

    // A directory of the right name where nobody said that volumes are, and no marker beside it.
    const foreign = join(world.dataDir, 'precious', 'pvc-foreign')
    await mkdir(foreign, { recursive: true })
    await release(await bind(await createClaim('foreign'), { local: { path: foreign } }, { provisioned: true, name: 'pvc-foreign' }))
    await release(await bind(await createClaim('root'), { local: { path: '/etc' } }, { provisioned: true, name: 'pvc-root' }))
    await world.eventually('both refusals', () =>
      ['nothing is deleted', 'path "/etc" cannot be'].every(text => warnings.some(warning => warning.includes(text))),
    )
    assert.ok((await stat(foreign)).isDirectory())
    stop.abort()
    await reclaimer.stopped
  })

  it('keeps the data of claims when an agent is cleaned up', async () => {
    const volume = await provision('cleaned')
    await run('cleaned', spec(AT_DATA, [data('cleaned')]))
    await inside('cleaned', 'echo x > /data/f')
    await remove('cleaned')
    const left = await cleanUpVolumes(world.dataDir, { docker: agent.docker, removeData: false })
    assert.ok(left.names.includes(volume.metadata.name ?? ''))
    assert.equal(await readFile(join(volume.spec.local?.path ?? '', 'f'), 'utf8'), 'x\n')
    assert.equal(await mountTable(), 0)
    await run('after', spec(AT_DATA, [data('cleaned')]))
    assert.equal(await inside('after', 'cat /data/f'), 'x')
    await remove('after')
    await cleanUpVolumes(world.dataDir, { docker: agent.docker, removeData: true })
    await assert.rejects(stat(volume.spec.local?.path ?? ''))
  })
})
