import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, Pod, ServiceAccount, Volume } from '@davit/api'
import { automountToken, TOKEN_PATH } from './automount.ts'

const account = (automountServiceAccountToken?: boolean): ServiceAccount => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'runner' },
  ...(automountServiceAccountToken !== undefined && { automountServiceAccountToken }),
})

const container = (name: string, paths: string[] = []): Container => ({
  name,
  image: 'i',
  volumeMounts: paths.map(mountPath => ({ name: 'own', mountPath })),
})

function mounted(spec: Partial<Pod['spec']>, of: ServiceAccount | undefined = account()): Pod['spec'] {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [container('c')], ...spec } }
  automountToken(pod, of)
  return pod.spec
}

/** What pod and account say, and whether the token is mounted: all nine, as Kubernetes has it. */
const CASES: [boolean | undefined, boolean | undefined, boolean][] = [
  [undefined, undefined, true],
  [undefined, true, true],
  [undefined, false, false],
  [true, undefined, true],
  [true, true, true],
  [true, false, true],
  [false, undefined, false],
  [false, true, false],
  [false, false, false],
]
for (const [ofPod, ofAccount, wanted] of CASES) {
  test(`automountToken() ${wanted ? 'mounts' : 'does not mount'} when the pod says ${ofPod} and the account ${ofAccount}`, () => {
    const spec = mounted(ofPod === undefined ? {} : { automountServiceAccountToken: ofPod }, account(ofAccount))
    assert.equal(spec.volumes?.length ?? 0, wanted ? 1 : 0)
    assert.equal(
      spec.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === TOKEN_PATH),
      wanted,
    )
  })
}

test('automountToken() gives every container the same volume, and leaves alone what mounts there itself', () => {
  const spec = mounted({ initContainers: [container('i')], containers: [container('c', ['/data']), container('own', [TOKEN_PATH])] })
  const [name] = spec.volumes?.map(volume => volume.name) ?? []
  assert.match(name ?? '', /^kube-api-access-[a-z0-9]{5}$/)
  const mount = { name, readOnly: true, mountPath: TOKEN_PATH }
  assert.deepEqual(spec.initContainers?.[0]?.volumeMounts, [mount])
  assert.deepEqual(spec.containers[0]?.volumeMounts, [{ name: 'own', mountPath: '/data' }, mount])
  assert.deepEqual(spec.containers[1]?.volumeMounts, [{ name: 'own', mountPath: TOKEN_PATH }])
})

test('automountToken() adds nothing that nobody would use, and no second volume', () => {
  assert.equal(mounted({ containers: [container('own', [TOKEN_PATH])] }).volumes, undefined)
  const volumes = [{ name: 'kube-api-access-there', projected: { sources: [] } }]
  assert.deepEqual(mounted({ volumes }).volumes, volumes)
})

test('automountToken() leaves a volume without a name to validation', () => {
  const nameless = { emptyDir: {} } as Volume
  assert.equal(mounted({ volumes: [nameless] }).volumes?.[0], nameless)
})
