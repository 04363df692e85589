/** An object of each kind that a cluster takes as it is. */
import { certificateRequest, podCertificateSpec, strangersCertificate } from './certificates.ts'
import type { Json } from './moves.ts'

/** What every pod must have. */
export const CONTAINERS = { containers: [{ name: 'c', image: 'nginx:1.25' }] }
/** Of `events.k8s.io`, without metadata. */
export const EVENT = {
  eventTime: '2026-01-02T03:04:05.000000Z',
  reportingController: 'test.io/controller',
  reportingInstance: 'one',
  action: 'Did',
  reason: 'Because',
  note: 'What happened',
  type: 'Normal',
  regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
}
const CLAIM = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } }
const WORKLOAD = { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: CONTAINERS } }
const JOB = { template: { spec: { restartPolicy: 'Never', ...CONTAINERS } } }
/** Requests for what is not there: what is asked about these disturbs nobody. */
const NOTHING = { operations: ['CREATE'], apiGroups: ['absent.test.io'], apiVersions: ['v1'], resources: ['things'] }
const WEBHOOK = {
  name: 'hook.test.io',
  clientConfig: { url: 'https://127.0.0.1:1/hook' },
  rules: [NOTHING],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
}
/** One of each; of the name where it must fit. */
export const SAMPLES: Readonly<Record<string, Json | ((name: string) => Json)>> = {
  configmaps: { data: { a: '1' } },
  secrets: { stringData: { a: '1' } },
  serviceaccounts: {},
  pods: { spec: CONTAINERS },
  nodes: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
  'leases.coordination.k8s.io': { spec: { holderIdentity: 'me', leaseDurationSeconds: 30 } },
  'controllerrevisions.apps': { data: { spec: { template: {} } }, revision: 1 },
  'daemonsets.apps': { spec: WORKLOAD },
  'statefulsets.apps': { spec: { serviceName: 'web', ...WORKLOAD } },
  'cronjobs.batch': { spec: { schedule: '@daily', jobTemplate: { spec: JOB } } },
  'jobs.batch': { spec: JOB },
  limitranges: { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
  replicationcontrollers: { spec: { template: WORKLOAD.template } },
  resourcequotas: { spec: { hard: { pods: 4 } } },
  'poddisruptionbudgets.policy': { spec: { maxUnavailable: 1, selector: WORKLOAD.selector } },
  'horizontalpodautoscalers.autoscaling': { spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3 } },
  podtemplates: { template: { metadata: { labels: { app: 'web' } }, spec: CONTAINERS } },
  'events.events.k8s.io': EVENT,
  'runtimeclasses.node.k8s.io': { handler: 'runsc' },
  'priorityclasses.scheduling.k8s.io': { value: 10 },
  'certificatesigningrequests.certificates.k8s.io': {
    spec: {
      request: Buffer.from((await certificateRequest()).request).toString('base64'),
      signerName: 'test.io/signer',
      usages: ['client auth'],
    },
  },
  'podcertificaterequests.certificates.k8s.io': { spec: await podCertificateSpec() },
  'clustertrustbundles.certificates.k8s.io': { spec: { trustBundle: (await strangersCertificate('/CN=authority')).certificate } },
  'storageversionmigrations.storagemigration.k8s.io': { spec: { resource: { group: 'apps', resource: 'deployments' } } },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [WEBHOOK] },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [WEBHOOK] },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: {
      matchConstraints: { resourceRules: [NOTHING] },
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
      reinvocationPolicy: 'Never',
    },
  },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'absent' } },
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: { matchConstraints: { resourceRules: [NOTHING] }, validations: [{ expression: 'true' }] },
  },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'absent', validationActions: ['Deny'] } },
  'apiservices.apiregistration.k8s.io': name => ({
    spec: { group: name.slice('v1.'.length), version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10 },
  }),
  'flowschemas.flowcontrol.apiserver.k8s.io': {
    spec: { priorityLevelConfiguration: { name: 'catch-all' }, distinguisherMethod: { type: 'ByUser' }, matchingPrecedence: 9000 },
  },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } },
  'ingresses.networking.k8s.io': {
    spec: {
      rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] } }],
    },
  },
  'ingressclasses.networking.k8s.io': { spec: { controller: 'test.io/ingress' } },
  'ipaddresses.networking.k8s.io': { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } } },
  'networkpolicies.networking.k8s.io': { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] } },
  'servicecidrs.networking.k8s.io': { spec: { cidrs: ['10.97.0.0/16'] } },
  'roles.rbac.authorization.k8s.io': { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] },
  'clusterroles.rbac.authorization.k8s.io': { rules: [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }] },
  'rolebindings.rbac.authorization.k8s.io': { roleRef: { kind: 'Role', name: 'a' }, subjects: [{ kind: 'User', name: 'ann' }] },
  'clusterrolebindings.rbac.authorization.k8s.io': { roleRef: { kind: 'ClusterRole', name: 'a' } },
  'deviceclasses.resource.k8s.io': { spec: { selectors: [{ cel: { expression: 'device.driver == "test.io"' } }] } },
  'devicetaintrules.resource.k8s.io': {
    spec: { taint: { key: 'test.io/a', effect: 'NoSchedule' }, deviceSelector: { driver: 'test.io' } },
  },
  'resourceclaims.resource.k8s.io': { spec: CLAIM },
  'resourceclaimtemplates.resource.k8s.io': { spec: { spec: CLAIM } },
  'resourceslices.resource.k8s.io': {
    spec: { driver: 'test.io', pool: { name: 'n1', generation: 1, resourceSliceCount: 1 }, nodeName: 'n1', devices: [{ name: 'gpu-0' }] },
  },
  'csidrivers.storage.k8s.io': { spec: { attachRequired: false } },
  'csinodes.storage.k8s.io': { spec: { drivers: [{ name: 'driver.test.io', nodeID: 'n' }] } },
  'csistoragecapacities.storage.k8s.io': { storageClassName: 'local', capacity: '1Gi' },
  'volumeattachments.storage.k8s.io': { spec: { attacher: 'driver.test.io', nodeName: 'n', source: { persistentVolumeName: 'pv' } } },
  'volumeattributesclasses.storage.k8s.io': { driverName: 'driver.test.io', parameters: { iops: '10' } },
}

/** For kinds whose names say something. */
export const NAMES: Readonly<Record<string, readonly [string, string, string]>> = {
  'apiservices.apiregistration.k8s.io': ['v1.one.test.io', 'v1.two.test.io', 'v1.three.test.io'],
  'ipaddresses.networking.k8s.io': ['10.97.0.1', '10.97.0.2', '2001:db8::1'],
}
