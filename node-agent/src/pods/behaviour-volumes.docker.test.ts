import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { configMapKind, type Pod, podKind, type Volume, type VolumeMount } from '@davit/api'
import { createWorld, type TestAgent, type TestWorld } from './test-agent.ts'
import { isReady, main, spec, volumeSteps } from './test-volumes.ts'

const host = process.env.DAVIT_TEST_DOCKER_HOST

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

  const { run, remove, inside, told, createClaim, bind, provision, mountTable, entries } = volumeSteps(() => ({ world, agent }))
  const restartAgent = async () => {
    await agent.stop()
    agent = await world.startAgent()
  }

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
})
