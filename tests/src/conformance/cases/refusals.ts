/** What the API refuses: keys without a name, changes of what is immutable, sysctls that are none, classes that are not there. */
import assert from 'node:assert/strict'
import { configMapKind, type Kind, type KubernetesObject, secretKind } from '@davit/api'
import { podCertificateSpec } from '../../control-plane/certificates.ts'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { kindLife, untilNames } from './kind-life.ts'

const KIND = 'node.k8s.io/RuntimeClass'
const CONTAINERS = [{ name: 'main', image: 'busybox:1.36' }]

type Source = 'ConfigMap' | 'Secret'

const makeSource = (context: ApiContext, kind: Source, name: string, data: Record<string, string>) =>
  kind === 'Secret' ? context.secret(name, data) : context.configMap(name, data)

function emptyKeyCase(kind: Source): Case<ApiContext> {
  return {
    row: `A ${kind} with an empty key is refused`,
    run: context => assert.rejects(makeSource(context, kind, 'refused', { '': 'value' }), { reason: 'Invalid' }),
  }
}

/** Data and the mark itself stay, metadata may change, and it may be deleted. */
function immutableCase(kind: Source): Case<ApiContext> {
  return {
    row: `Immutable ${kind} refuses data edits and unsetting, allows metadata edits and delete`,
    run: async context => {
      const resource = context.resource((kind === 'Secret' ? secretKind : configMapKind) as unknown as Kind<KubernetesObject>)
      const target = { namespace: context.namespace, name: 'fixed' }
      const patch = (body: object) => resource.patch(target, { type: 'merge', body })
      const refuse = (body: object) =>
        assert.rejects(patch(body), { reason: 'Invalid', message: /field is immutable when `immutable` is set/ })
      await makeSource(context, kind, 'fixed', { key: 'value' })
      await patch({ data: { key: 'b3RoZXI=' } })
      await patch({ immutable: true })
      await refuse({ data: { key: 'dGhpcmQ=' } })
      await refuse({ data: { more: 'bW9yZQ==' } })
      await refuse({ immutable: false })
      await refuse({ immutable: null })
      await patch({ metadata: { labels: { changed: 'yes' } } })
      await resource.delete(target)
      await assert.rejects(resource.get(target), { reason: 'NotFound' })
    },
  }
}

/** A certificate for a pod that would be good for too long, or not long enough. */
function expirationCase(row: string, { refused, taken }: { refused: number; taken: number }): Case<ApiContext> {
  const kind = 'certificates.k8s.io/PodCertificateRequest'
  return {
    row,
    kind,
    run: async context => {
      const spec = await podCertificateSpec()
      const make = (maxExpirationSeconds: number) =>
        kindLife(context, kind, () => ({ spec: { ...spec, maxExpirationSeconds } })).make(`for-${maxExpirationSeconds}`)
      const message = new RegExp(`spec\\.maxExpirationSeconds: Invalid value: ${refused}: must be in the range \\[3600, 7862400\\]`)
      await assert.rejects(make(refused), { reason: 'Invalid', message })
      await make(taken)
    },
  }
}

export const cases: readonly Case<ApiContext>[] = [
  emptyKeyCase('ConfigMap'),
  emptyKeyCase('Secret'),
  immutableCase('ConfigMap'),
  immutableCase('Secret'),
  expirationCase('maxExpirationSeconds above 91 days is refused', { refused: 91 * 86_400 + 1, taken: 91 * 86_400 }),
  expirationCase('maxExpirationSeconds below one hour is refused', { refused: 3_599, taken: 3_600 }),
  {
    row: 'Malformed sysctl names are refused by validation',
    run: async context => {
      const names = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..', 'kernel/shmmax/', 'UPPER.case', '.dot']
      const sysctls = names.map(name => ({ name, value: '20' }))
      await assert.rejects(context.create('refused', { securityContext: { sysctls }, containers: CONTAINERS }), (error: Error) => {
        const refused = names.filter((_, index) => error.message.includes(`sysctls[${index}].name`))
        assert.deepEqual(refused, ['foo-', 'bar..', 'kernel/shmmax/', 'UPPER.case', '.dot'])
        return true
      })
    },
  },
  {
    row: 'A pod naming an unknown RuntimeClass is refused',
    kind: KIND,
    run: async context => {
      const created = context.create('refused', { runtimeClassName: 'no-such-class', containers: CONTAINERS })
      await assert.rejects(created, { reason: 'Forbidden', message: /RuntimeClass "no-such-class" not found/ })
    },
  },
  {
    row: 'A pod naming a deleted RuntimeClass is refused',
    kind: KIND,
    run: async context => {
      const life = kindLife(context, KIND, () => ({ handler: 'runc' }))
      const { metadata } = await life.make('class')
      await life.resource.delete(life.target('class'))
      await untilNames(life, [])
      const create = () => context.create('refused', { runtimeClassName: metadata.name ?? '', containers: CONTAINERS })
      await assert.rejects(create, { reason: 'Forbidden' })
    },
  },
]
