/** The ConfigMap by which pods know the API server: in every namespace, put right when it was changed, new when the CAs are. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { type ConfigMap, configMapKind, type Namespace, namespaceKind, type Secret, secretKind } from '@davit/api'
import { AUTHORITIES_SECRET, authoritiesSecret, createAuthority, readAuthoritiesSecret } from '@davit/api/pki'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

const NAME = 'kube-root-ca.crt'
let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
})
after(() => plane[Symbol.asyncDispose]())

/** The first state of the map that `holds`. */
async function mapIn(namespace: string, holds: (map: ConfigMap) => boolean): Promise<ConfigMap> {
  const signal = AbortSignal.timeout(20_000)
  const watch = plane.client.resource(configMapKind).watch({ namespace, fieldSelector: `metadata.name=${NAME}`, signal })
  for await (const { type, object } of watch)
    if (type !== 'DELETED' && type !== 'BOOKMARK' && holds(object as ConfigMap)) return object as ConfigMap
  throw new Error('The watch ended')
}

const isRight = ({ data }: ConfigMap) => data?.['ca.crt'] === plane.certificateAuthority && Object.keys(data).length === 1

it('is in every namespace, and comes back when it was deleted or changed', async () => {
  await mapIn('kube-system', isRight)
  await plane.client.resource(namespaceKind).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'new' } } as Namespace)
  const { metadata } = await mapIn('new', isRight)
  const maps = plane.client.resource(configMapKind)
  await maps.delete({ namespace: 'new', name: NAME })
  const made = await mapIn('new', map => isRight(map) && map.metadata.uid !== metadata.uid)
  await maps.update({ ...made, data: { 'ca.crt': 'mine', more: 'x' } })
  await mapIn('new', map => isRight(map) && map.metadata.uid === made.metadata.uid)
})

it('holds a new CA as soon as the cluster trusts it, beside the old', async () => {
  const secrets = plane.client.resource(secretKind)
  const secret = await secrets.get(AUTHORITIES_SECRET)
  const other = await createAuthority('next', { now: Date.now(), days: 1 })
  const both = `${readAuthoritiesSecret(secret)}${other.certificate}${other.key}`
  await secrets.update({ ...secret, data: authoritiesSecret(both).data } as Secret)
  const { data } = await mapIn('new', map => map.data?.['ca.crt']?.includes(other.certificate.trim()) ?? false)
  assert.ok(data?.['ca.crt']?.includes(plane.certificateAuthority.trim()))
})
