/** Kinds whose rows ask for every verb, and most for a status beside it. */
import assert from 'node:assert/strict'
import { certificateRequest, podCertificateSpec } from '../../control-plane/certificates.ts'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import {
  assertDiscoverable,
  assertStatus,
  assertWholeLife,
  type Body,
  condition,
  type KindLife,
  kindLife,
  NOW,
  untilNames,
  updateMetadata,
} from './kind-life.ts'

const DENIED: Body = { conditions: [{ type: 'Denied', status: 'True', reason: 'Test', message: 'of a test', lastTransitionTime: NOW }] }
const POD_CERTIFICATE = await podCertificateSpec()
const CONTAINERS = { containers: [{ name: 'main', image: 'busybox:1.36' }] }
const OTHER_CONTAINERS = { containers: [{ name: 'main', image: 'busybox:1.35' }] }
const ADDRESS = { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } }
/** Requests for what is not there: what is asked about these disturbs nobody. */
const NOTHING = { operations: ['CREATE'], apiGroups: ['absent.example.com'], apiVersions: ['v1'], resources: ['things'] }

interface WholeLife {
  row: string
  kind: string
  body: (name: string) => Body
  /** For names that say something. */
  fullName?: (name: string, namespace: string) => string
  status?: { patched: Body; updated: Body }
}

/** A number of its own for every case and object. */
function numberOf(name: string, namespace: string): number {
  return Number(namespace.replace(/\D/g, '')) * 8 + ['one', 'two', 'three', 'four', 'status'].indexOf(name)
}

const WHOLE_LIVES: readonly WholeLife[] = [
  {
    row: 'FlowSchema (flowcontrol v1) is discoverable; all eight verbs and its status subresource work',
    kind: 'flowcontrol.apiserver.k8s.io/FlowSchema',
    body: () => ({ spec: { priorityLevelConfiguration: { name: 'catch-all' }, matchingPrecedence: 9_999 } }),
    status: { patched: condition('Test', 'Patched'), updated: condition('Test', 'Updated') },
  },
  {
    row: 'PriorityLevelConfiguration (flowcontrol v1) is discoverable; all eight verbs and its status subresource work',
    kind: 'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration',
    body: () => ({ spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } } }),
    status: { patched: condition('Test', 'Patched'), updated: condition('Test', 'Updated') },
  },
  {
    row: 'PodCertificateRequest (certificates.k8s.io/v1) and its status are discoverable and writable',
    kind: 'certificates.k8s.io/PodCertificateRequest',
    body: () => ({ spec: POD_CERTIFICATE }),
    // What is decided stays.
    status: { patched: DENIED, updated: DENIED },
  },
  {
    row: 'ValidatingAdmissionPolicy is discoverable with all eight verbs and a status subresource',
    kind: 'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
    body: () => ({ spec: { matchConstraints: { resourceRules: [NOTHING] }, validations: [{ expression: 'true' }] } }),
    status: { patched: condition('Test', 'Patched'), updated: condition('Test', 'Updated') },
  },
  {
    row: 'MutatingAdmissionPolicy is discoverable and all eight verbs work',
    kind: 'admissionregistration.k8s.io/MutatingAdmissionPolicy',
    body: () => ({
      spec: {
        matchConstraints: { resourceRules: [NOTHING] },
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }],
        reinvocationPolicy: 'Never',
      },
    }),
  },
  {
    row: 'MutatingAdmissionPolicyBinding is discoverable and all eight verbs work',
    kind: 'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
    body: () => ({ spec: { policyName: 'absent.example.com' } }),
  },
  {
    row: 'ValidatingAdmissionPolicyBinding is discoverable with all eight verbs',
    kind: 'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
    body: () => ({ spec: { policyName: 'absent.example.com', validationActions: ['Deny'] } }),
  },
  {
    row: 'CronJob supports all eight verbs and its status get/update/patch',
    kind: 'batch/CronJob',
    body: () => ({
      spec: {
        schedule: '@yearly',
        suspend: true,
        jobTemplate: { spec: { template: { spec: { restartPolicy: 'OnFailure', ...CONTAINERS } } } },
      },
    }),
    status: { patched: { lastScheduleTime: NOW }, updated: { lastScheduleTime: '2026-01-02T03:05:05Z' } },
  },
  {
    row: 'EndpointSlice is discoverable and all eight verbs work',
    kind: 'discovery.k8s.io/EndpointSlice',
    body: () => ({ addressType: 'IPv4', endpoints: [{ addresses: ['203.0.113.1'] }], ports: [{ name: 'http', port: 80 }] }),
  },
  {
    row: 'Ingress is discoverable; all eight verbs and status update/patch work',
    kind: 'networking.k8s.io/Ingress',
    body: () => ({ spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } }),
    status: { patched: ADDRESS, updated: { loadBalancer: { ingress: [{ hostname: 'example.com' }] } } },
  },
  {
    row: 'IngressClass is discoverable and all eight verbs work',
    kind: 'networking.k8s.io/IngressClass',
    body: () => ({ spec: { controller: 'example.com/controller' } }),
  },
  {
    row: 'IPAddress (networking.k8s.io/v1) is discoverable and all eight verbs work',
    kind: 'networking.k8s.io/IPAddress',
    body: () => ({ spec: { parentRef: { resource: 'services', name: 'absent', namespace: 'default' } } }),
    fullName: (name, namespace) => `2001:db8::${numberOf(name, namespace).toString(16)}`,
  },
  {
    row: 'ServiceCIDR is discoverable; all eight verbs and status update/patch work',
    kind: 'networking.k8s.io/ServiceCIDR',
    body: () => ({ spec: { cidrs: ['203.0.113.0/24'] } }),
    status: { patched: condition('Test', 'Patched'), updated: condition('Test', 'Updated') },
  },
]

async function assertAll(life: KindLife, status?: WholeLife['status']): Promise<void> {
  await assertDiscoverable(life)
  await assertWholeLife(life)
  if (!status) return
  await life.make('status')
  await assertStatus(life, 'status', status)
  await life.resource.delete(life.target('status'))
  await untilNames(life, [])
}

export const cases: readonly Case<ApiContext>[] = [
  ...WHOLE_LIVES.map(
    ({ row, kind, body, fullName, status }): Case<ApiContext> => ({
      row,
      kind,
      run: context => assertAll(kindLife(context, kind, body, fullName && (name => fullName(name, context.namespace))), status),
    }),
  ),
  {
    row: 'Suspended Job can be patched, replaced, unsuspended, listed across namespaces and removed by collection delete',
    kind: 'batch/Job',
    run: async context => {
      const life = kindLife(context, 'batch/Job', () => ({
        spec: { suspend: true, parallelism: 2, completions: 4, template: { spec: { restartPolicy: 'Never', ...CONTAINERS } } },
      }))
      await assertWholeLife(life)
      await life.make('changed')
      const patch = { type: 'strategic', body: { metadata: { labels: { patched: 'yes' } }, spec: { parallelism: 3 } } } as const
      assertHas(await life.resource.patch(life.target('changed'), patch), {
        metadata: { labels: { patched: 'yes' } },
        spec: { parallelism: 3 },
      })
      await updateMetadata(life, 'changed', { updated: 'yes' })
      await life.resource.patch(life.target('changed'), { type: 'merge', body: { spec: { suspend: false } } })
      assertHas(await life.resource.get(life.target('changed')), {
        metadata: { annotations: { updated: 'yes' } },
        spec: { suspend: false },
      })
      const template = { type: 'merge', body: { spec: { template: { spec: OTHER_CONTAINERS } } } } as const
      await assert.rejects(life.resource.patch(life.target('changed'), template), { reason: 'Invalid', message: /field is immutable/ })
    },
  },
  {
    row: 'CSR is discoverable; all eight verbs plus approval and status get/update/patch work',
    kind: 'certificates.k8s.io/CertificateSigningRequest',
    run: async context => {
      const { request } = await certificateRequest('/CN=somebody')
      const life = kindLife(context, 'certificates.k8s.io/CertificateSigningRequest', () => ({
        // A signer that is not there: nobody else decides or signs.
        spec: { request: Buffer.from(request).toString('base64'), signerName: 'example.com/none', usages: ['client auth'] },
      }))
      await assertAll(life)
      await life.make('status')
      const of = (type: string, reason: string) => ({ type, status: 'True', reason, message: 'of a test' })
      const approved = { ...of('Approved', 'Patched'), lastUpdateTime: NOW, lastTransitionTime: NOW }
      await assertStatus(
        life,
        'status',
        { patched: { conditions: [approved] }, updated: { conditions: [approved, of('Test', 'Updated')] } },
        'approval',
      )
      // A decision stays as it is.
      await assertStatus(life, 'status', {
        patched: { conditions: [approved, of('Test', 'Patched')] },
        updated: { conditions: [approved, of('Other', 'Updated')] },
      })
      await life.resource.delete(life.target('status'))
      await untilNames(life, [])
    },
  },
]
