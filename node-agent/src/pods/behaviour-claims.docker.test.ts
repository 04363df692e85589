import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { type PersistentVolume, type PersistentVolumeSpec, type Pod, persistentVolumeKind, systemClock, type Volume } from '@davit/api'
import { claimsDirectory, cleanUpVolumes, startReclaimer } from '../volumes/index.ts'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'
import { AT_DATA, data, isReady, main, spec, volumeSteps } from './test-volumes.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST

describe('What claims hold for pods, on Docker', { skip: !host, concurrency: false }, () => {
  let world: TestWorld
  let agent: TestAgent
  before(async () => {
    world = await createWorld(host ?? '')
    agent = await world.startAgent()
  })
  after(() => world.close())

  const { run, remove, inside, told, createClaim, bind, provision, mountTable } = volumeSteps(() => ({ world, agent }))
  const restartAgent = async () => {
    await agent.stop()
    agent = await world.startAgent()
  }

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
