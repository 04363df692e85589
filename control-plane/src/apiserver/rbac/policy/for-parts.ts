/**
 * Roles for programs: add-ons are bound to them by name, also where Kubernetes' own program of that name does not run here. The
 * controllers and agents of Davit do not act by roles; their rights are fixed (see the authorizer), so there are no roles
 * `system:controller:*`: an account by which nothing runs would only be a way in.
 */
import { clusterRole, paths, READ, rule } from './make.ts'

const EVENTS = [rule('create patch update', '', 'events'), rule('create patch update', 'events.k8s.io', 'events')]
const REVIEWS = [rule('create', 'authentication.k8s.io', 'tokenreviews'), rule('create', 'authorization.k8s.io', 'subjectaccessreviews')]
const CERTIFICATES = 'certificates.k8s.io'
const SIGNER_ROLES = ['legacy-unknown', 'kubelet-serving', 'kube-apiserver-client', 'kube-apiserver-client-kubelet']

export const ROLES_FOR_PARTS = [
  clusterRole('system:auth-delegator', REVIEWS),
  clusterRole('system:kube-aggregator', [rule(READ, '', 'endpoints services')]),
  clusterRole('system:kube-dns', [rule('list watch', '', 'endpoints services'), rule('list watch', 'discovery.k8s.io', 'endpointslices')]),
  clusterRole('system:kube-scheduler', [
    ...EVENTS,
    rule('create list watch', 'coordination.k8s.io', 'leases'),
    rule('get update', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
    rule(READ, '', 'nodes'),
    rule(`${READ} delete`, '', 'pods'),
    rule('create', '', 'bindings pods/binding'),
    rule('patch update', '', 'pods/status'),
    rule(READ, '', 'replicationcontrollers services namespaces'),
    rule(READ, 'apps extensions', 'replicasets'),
    rule(READ, 'apps', 'statefulsets'),
    rule(READ, 'policy', 'poddisruptionbudgets'),
    rule(READ, '', 'persistentvolumeclaims persistentvolumes'),
    ...REVIEWS,
    rule(READ, 'storage.k8s.io', 'csinodes csidrivers csistoragecapacities'),
  ]),
  clusterRole('system:kubelet-api-admin', [
    rule(READ, '', 'nodes'),
    rule('proxy', '', 'nodes'),
    rule('*', '', 'nodes/log nodes/metrics nodes/proxy nodes/stats'),
  ]),
  // Given to nobody: nodes are judged one by one.
  clusterRole('system:node', [
    rule('create', 'authentication.k8s.io', 'tokenreviews'),
    rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
    rule(READ, '', 'services'),
    rule(`${READ} create`, '', 'nodes'),
    rule('patch update', '', 'nodes/status'),
    rule('patch update', '', 'nodes'),
    ...EVENTS,
    rule(`${READ} create delete`, '', 'pods'),
    rule('patch update', '', 'pods/status'),
    rule('create', '', 'pods/eviction'),
    rule(READ, '', 'configmaps secrets'),
    rule('get', '', 'persistentvolumeclaims persistentvolumes'),
    rule('get', '', 'endpoints'),
    rule(`${READ} create`, CERTIFICATES, 'certificatesigningrequests'),
    rule('create delete get patch update', 'coordination.k8s.io', 'leases'),
    rule('get', 'storage.k8s.io', 'volumeattachments'),
    rule('create', '', 'serviceaccounts/token'),
    rule('get patch update', '', 'persistentvolumeclaims/status'),
    rule(READ, 'storage.k8s.io', 'csidrivers'),
    rule('create delete get patch update', 'storage.k8s.io', 'csinodes'),
    rule(READ, 'node.k8s.io', 'runtimeclasses'),
  ]),
  clusterRole('system:node-bootstrapper', [rule(`${READ} create`, CERTIFICATES, 'certificatesigningrequests')]),
  clusterRole('system:node-problem-detector', [rule('get', '', 'nodes'), rule('patch', '', 'nodes/status'), ...EVENTS]),
  clusterRole('system:node-proxier', [
    rule('list watch', '', 'endpoints services'),
    rule(READ, '', 'nodes'),
    ...EVENTS,
    rule('list watch', 'discovery.k8s.io', 'endpointslices'),
    rule('list watch', 'networking.k8s.io', 'servicecidrs'),
  ]),
  clusterRole('system:persistent-volume-provisioner', [
    rule(`${READ} create delete`, '', 'persistentvolumes'),
    rule(`${READ} update`, '', 'persistentvolumeclaims'),
    rule(READ, 'storage.k8s.io', 'storageclasses'),
    rule('watch', '', 'events'),
    ...EVENTS,
  ]),
  clusterRole('system:volume-scheduler', [
    rule(`${READ} patch update`, '', 'persistentvolumes'),
    rule(READ, 'storage.k8s.io', 'storageclasses'),
    rule(`${READ} patch update`, '', 'persistentvolumeclaims'),
  ]),
  clusterRole('system:monitoring', [paths('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*')]),
  ...['nodeclient', 'selfnodeclient'].map(kind =>
    clusterRole(`system:${CERTIFICATES}:certificatesigningrequests:${kind}`, [
      rule('create', CERTIFICATES, `certificatesigningrequests/${kind}`),
    ]),
  ),
  ...SIGNER_ROLES.map(signer =>
    clusterRole(`system:${CERTIFICATES}:${signer}-approver`, [rule('approve', CERTIFICATES, 'signers', `kubernetes.io/${signer}`)]),
  ),
]
