/** Claims from end to end: what a pod writes outlives it, on the node where it is, and goes with the claim and not before. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { after, before, test } from 'node:test'
import { type PersistentVolume, type Pod, persistentVolumeClaimKind, persistentVolumeKind, podKind } from '@davit/api'
import { startCluster, type TestCluster } from './cluster.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startCluster({ nodes: 2 })
})
after(() => cluster?.stop())

const claimYaml = (name: string, extra = '') => `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec:
  accessModes: [ReadWriteOnce]
  resources: { requests: { storage: 1Gi } }
  ${extra}
`

const podYaml = (name: string, command: string, { claim = 'data', extra = '' } = {}) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  terminationGracePeriodSeconds: 1
  restartPolicy: Never
  ${extra}
  containers:
    - name: main
      image: busybox:1.36
      command: [sh, -c, ${JSON.stringify(command)}]
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: ${claim} } }]
`

const ended = (name: string) =>
  cluster.until(podKind, `the end of pod ${name}`, pods =>
    pods.find(({ metadata, status }) => metadata.name === name && (status?.phase === 'Succeeded' || status?.phase === 'Failed')),
  )
const codeOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode
const volumeOf = (claim: string) =>
  cluster.until(persistentVolumeKind, `the volume of claim ${claim}`, volumes =>
    volumes.find(({ spec, status }) => spec.claimRef?.name === claim && status?.phase === 'Bound'),
  )
const claimIsGone = (name: string) =>
  cluster.until(persistentVolumeClaimKind, `the end of claim ${name}`, claims => !claims.some(({ metadata }) => metadata.name === name))
const volumeIsGone = ({ metadata }: PersistentVolume) =>
  cluster.until(
    persistentVolumeKind,
    `the end of volume ${metadata.name}`,
    volumes => !volumes.some(each => each.metadata.uid === metadata.uid),
  )

test('what a pod has written the next one reads, on the same node; the directory goes with the claim, and not while it is used', async () => {
  await cluster.apply(`${claimYaml('data')}---\n${podYaml('writer', 'echo kept >/data/file')}`)
  const writer = await ended('writer')
  assert.equal(codeOf(writer), 0)
  const volume = await volumeOf('data')
  const path = volume.spec.local?.path ?? ''
  assert.deepEqual(await readdir(path), ['file'])
  await cluster.kubectl(['delete', 'pod', 'writer'])

  await cluster.apply(podYaml('reader', 'grep -x kept /data/file && sleep 1000'))
  const [reader] = await cluster.untilReady('reader', 1)
  assert.equal(reader?.spec.nodeName, writer.spec.nodeName)

  const { stdout: table } = await cluster.davit(['get', 'pv,pvc,sc'])
  assert.match(table, /NAME +CAPACITY +ACCESS MODES +RECLAIM POLICY +STATUS +CLAIM +STORAGECLASS/)
  assert.match(table, /persistentvolume\/pvc-\S+ +1Gi +RWO +Delete +Bound +default\/data +local/)
  assert.match(table, /persistentvolumeclaim\/data +Bound +pvc-\S+ +1Gi +RWO +local/)
  assert.match(table, /storageclass.storage.k8s.io\/local \(default\) +davit.dev\/local +Delete +WaitForFirstConsumer +true/)
  const { stdout: described } = await cluster.kubectl(['describe', 'pvc', 'data'])
  assert.match(described, /Used By: +reader/)
  assert.match(described, /ProvisioningSucceeded/)
  // Both tools say the same.
  for (const what of ['pvc/data', `pv/${volume.metadata.name}`, 'sc/local']) {
    const [theirs, ours] = await Promise.all([cluster.kubectl(['describe', what]), cluster.davit(['describe', what])])
    const withoutAges = (text: string) => text.replace(/\d+s( \(x\d+ over \d+s\))?/g, 'AGE').replace(/ +/g, ' ')
    assert.equal(withoutAges(ours.stdout), withoutAges(theirs.stdout))
  }

  await cluster.kubectl(['delete', 'pvc', 'data', '--wait=false'])
  const held = await cluster.until(persistentVolumeClaimKind, 'the claim to be held', claims =>
    claims.find(({ metadata }) => metadata.name === 'data' && metadata.deletionTimestamp),
  )
  assert.deepEqual(held.metadata.finalizers, ['kubernetes.io/pvc-protection'])
  assert.ok(existsSync(path))
  await cluster.kubectl(['delete', 'pod', 'reader'])
  await claimIsGone('data')
  await volumeIsGone(volume)
  assert.ok(!existsSync(path), `${path} is still there`)
  assert.deepEqual(await readdir(dirname(path)), [])
})

test('a class may put claims into Docker volumes, on the node of its pods, and a claim may grow', async () => {
  const storageClass = `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: docker }
provisioner: davit.dev/local
parameters: { volume: docker }
allowVolumeExpansion: true
volumeBindingMode: WaitForFirstConsumer
`
  const pod = podYaml('keeper', 'echo kept >/data/file', { claim: 'named', extra: `nodeName: ''` })
  await cluster.apply(`${storageClass}---\n${claimYaml('named', 'storageClassName: docker')}---\n${pod}`)
  const keeper = await ended('keeper')
  assert.equal(codeOf(keeper), 0)
  const volume = await volumeOf('named')
  const name = volume.spec.csi?.volumeHandle ?? ''
  const host = cluster.hosts.find(each => each.name === keeper.spec.nodeName)
  assert.ok(host)
  assert.equal(await cluster.docker(host, 'volume', 'ls', '-q', '-f', `name=${name}`), name)
  await cluster.kubectl(['patch', 'pvc', 'named', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'])
  await cluster.until(persistentVolumeClaimKind, 'a larger claim', claims =>
    claims.some(({ status }) => status?.capacity?.storage === '2Gi'),
  )
  await cluster.kubectl(['delete', 'pod/keeper', 'pvc/named'])
  await volumeIsGone(volume)
  assert.equal(await cluster.docker(host, 'volume', 'ls', '-q', '-f', `name=${name}`), '')
})
