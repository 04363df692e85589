import { once } from '../../../once.ts'
import {
  atomic,
  boolean,
  field,
  int32,
  int64,
  list,
  object,
  oneOf,
  quantityMap,
  required,
  string,
  stringMap,
  strings,
} from '../../../schema/fields.ts'
import { objectMetaSchema } from '../../../schema/object-meta.ts'
import { containerSchema, ephemeralContainerSchema } from './container-schema.ts'
import { localObjectReference } from './reference-schema.ts'
import { affinitySchema, tolerationSchema, topologySpreadConstraintSchema } from './scheduling-schema.ts'
import { podSecurityContextSchema } from './security-schema.ts'
import { volumeSchema } from './volume-schema.ts'

const containersFields = () => ({
  volumes: list(volumeSchema(), 'Storage the containers can mount.', { mergeKey: 'name', patchStrategy: 'merge,retainKeys' }),
  initContainers: list(
    containerSchema(),
    'Containers run one after the other before the rest start; each must succeed, or, as a sidecar, have started.',
    { mergeKey: 'name' },
  ),
  containers: required(
    list(containerSchema(), 'Containers of the pod, at least one. None can be added or removed later.', { mergeKey: 'name' }),
  ),
  ephemeralContainers: list(
    ephemeralContainerSchema(),
    'Containers added to look into the running pod, through the subresource ephemeralcontainers.',
    {
      mergeKey: 'name',
    },
  ),
  restartPolicy: oneOf(['Always', 'OnFailure', 'Never'], 'When ended containers are started again; Always by default.'),
  terminationGracePeriodSeconds: int64('Seconds between asking the processes to stop and killing them; 30 by default.'),
  activeDeadlineSeconds: int64('Seconds after its start at which the pod is made to fail.'),
  imagePullSecrets: list(localObjectReference(), 'Secrets to pull images with.', { mergeKey: 'name' }),
})

const networkFields = () => ({
  dnsPolicy: oneOf(
    ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'],
    "Where names are looked up: the cluster's DNS (ClusterFirst, the default), the node's, or dnsConfig alone.",
  ),
  dnsConfig: field(
    object('PodDNSConfig', 'What is added to resolv.conf.', {
      nameservers: strings('Addresses of name servers.'),
      searches: strings('Search domains.'),
      options: list(
        object('PodDNSConfigOption', 'An option of the resolver.', { name: string('Name of the option.'), value: string('Its value.') }),
        'Options of the resolver.',
      ),
    }),
    'Added to what dnsPolicy gives.',
  ),
  hostname: string("Host name of the pod; otherwise the pod's name."),
  subdomain: string('With it the pod is known as hostname.subdomain.namespace.svc and the cluster domain.'),
  setHostnameAsFQDN: boolean('Whether the host name is the fully qualified one.'),
  hostNetwork: boolean("Use the node's network instead of an address of its own."),
  hostAliases: list(
    object('HostAlias', 'A line of /etc/hosts.', {
      ip: required(string('Address.')),
      hostnames: strings('Names for it.'),
    }),
    'Lines added to /etc/hosts.',
    { mergeKey: 'ip' },
  ),
  enableServiceLinks: boolean('Whether Services become environment variables, as Docker links did; true by default.'),
})

const rightsFields = () => ({
  serviceAccountName: string('ServiceAccount the pod acts as.'),
  serviceAccount: string('Old name of serviceAccountName.'),
  automountServiceAccountToken: boolean('Whether a token of the service account is mounted.'),
  hostPID: boolean("Share the node's process namespace."),
  hostIPC: boolean("Share the node's IPC namespace."),
  shareProcessNamespace: boolean('Share one process namespace among the containers.'),
  securityContext: field(podSecurityContextSchema(), 'Rights and identity common to all containers.'),
  runtimeClassName: string('RuntimeClass to run the pod with.'),
  os: field(
    object('PodOS', 'Operating system the pod is made for.', { name: required(string('linux or windows.')) }),
    'Operating system the pod is made for.',
    { patchStrategy: 'replace' },
  ),
})

const schedulingFields = () => ({
  nodeName: string('Node the pod runs on, set by the scheduler; if given, no scheduler is asked.'),
  nodeSelector: atomic(stringMap('Labels a node must have for the pod to run there.')),
  affinity: field(affinitySchema(), 'Which nodes and which neighbours the pod wants.'),
  tolerations: list(tolerationSchema(), 'Taints the pod puts up with.'),
  schedulerName: string('Scheduler that places the pod; default-scheduler by default.'),
  topologySpreadConstraints: list(
    topologySpreadConstraintSchema(),
    'How evenly the pod and its like are spread over domains. All must hold.',
    {
      mergeKey: 'topologyKey',
      listMapKeys: ['topologyKey', 'whenUnsatisfiable'],
    },
  ),
  priorityClassName: string('PriorityClass the pod has; system-node-critical and system-cluster-critical are the highest.'),
  priority: int32('Priority as a number, filled in from priorityClassName.'),
  preemptionPolicy: oneOf(['Never', 'PreemptLowerPriority'], 'Whether the pod may displace others; PreemptLowerPriority by default.'),
  overhead: quantityMap('What running the pod costs besides its containers; filled in from the RuntimeClass.'),
  readinessGates: list(
    object('PodReadinessGate', 'A condition to wait for.', { conditionType: required(string("Type of one of the pod's conditions.")) }),
    'Conditions that must be True, besides ready containers, for the pod to be ready.',
  ),
  schedulingGates: list(
    object('PodSchedulingGate', 'A reason not to schedule the pod yet.', { name: required(string('Name of the gate.')) }),
    'While there are any the pod is not scheduled. They can only be removed.',
    { mergeKey: 'name' },
  ),
  resourceClaims: list(
    object('PodResourceClaim', 'A resource claim the containers can refer to. Exactly one source is set.', {
      name: required(string('Name within the pod.')),
      resourceClaimName: string('An existing ResourceClaim.'),
      resourceClaimTemplateName: string('A ResourceClaimTemplate from which one is made for the pod.'),
    }),
    'Resource claims that must be allocated before the pod starts.',
    { mergeKey: 'name', patchStrategy: 'merge,retainKeys' },
  ),
})

/** The component `PodSpec`, for Pod and for everything that holds a template of one. */
export const podSpecSchema = once(() =>
  object('PodSpec', 'What is to run, and how.', {
    ...containersFields(),
    ...networkFields(),
    ...rightsFields(),
    ...schedulingFields(),
  }),
)

/** The component `PodTemplateSpec`. */
export const podTemplateSchema = once(() =>
  object('PodTemplateSpec', 'What pods are made from.', {
    metadata: field(objectMetaSchema(), 'Labels and annotations of the pods.'),
    spec: field(podSpecSchema(), 'Spec of the pods.'),
  }),
)
