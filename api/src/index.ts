export { type AddressFamily, familyOf, isAddressInRange, isProxyableAddress } from './addresses.ts'
export {
  type Applied,
  type Apply,
  applyConfig,
  atomicPaths,
  type Convert,
  configErrors,
  conflictCause,
  conflictMessage,
  decodeEntries,
  type FieldConflict,
  type FieldSet,
  fieldsStillApplied,
  isReset,
  isSameEntries,
  joinedErrors,
  type ManagedFieldsEntry,
  type Manager,
  mergeConfig,
  NO_FIELDS,
  onlyVersion,
  recordUpdate,
  setOf,
} from './apply/index.ts'
export { Backoff, type BackoffOptions } from './client/backoff.ts'
export type * from './client/client.ts'
export type { Credentials } from './client/connection.ts'
export {
  connectHttp,
  type HttpClient,
  type HttpClientOptions,
  type RawRequest,
  type RawResponse,
  type WebSocketOptions,
} from './client/http-client.ts'
export { type Query, resourcePath, withQuery } from './client/resource-path.ts'
export { type Clock, formatMicroTime, formatTime, systemClock } from './clock.ts'
export { deadlineSignal } from './deadline-signal.ts'
export { type Decoded, decodeObject, schemaErrors } from './decode.ts'
export { ageSince, formatAge, parseDuration } from './duration.ts'
export { createEventRecorder, type EventRecorder, type EventRecorderOptions, type EventType } from './events/recorder.ts'
export {
  duplicateValue,
  forbiddenField,
  immutable,
  invalidIf,
  invalidTogether,
  invalidValue,
  nonNegative,
  requiredValue,
  tooLong,
  tooMany,
  uniqueFieldErrors,
  unsupportedValue,
} from './field-errors.ts'
export { ByteReader } from './frames/byte-reader.ts'
export { chunksOf, encodeFrame, FRAME_BYTES_MAX, readFrames, type StreamFrame, writeChunk } from './frames/stream-frame.ts'
export { canonicalImageName, type ImageReference, parseImageReference } from './image-reference.ts'
export type * from './informer/informer.ts'
export { isNewer } from './informer/resource-version.ts'
export { type InformerOptions, startInformer } from './informer/start-informer.ts'
export {
  createJoinToken,
  JOIN_TOKEN_TYPE,
  type JoinToken,
  type JoinTokenOptions,
  type JoinTokenRecord,
  joinTokenSecretName,
  parseJoinToken,
  readJoinTokenRecord,
  spendJoinToken,
} from './join-token.ts'
export {
  apiVersionOf,
  type CustomPart,
  defineKind,
  type Kind,
  type KindDefinition,
  type PrinterColumn,
  type Subresource,
  VERBS,
  type Verb,
  type View,
} from './kind.ts'
export type { CompiledFrame } from './kinds/admissionregistration/compiled-frame.ts'
export {
  type CompiledMutatingPolicy,
  type CompiledMutation,
  compileMutatingPolicy,
} from './kinds/admissionregistration/compiled-mutating-policy.ts'
export { type CompiledPolicy, compilePolicy } from './kinds/admissionregistration/compiled-policy.ts'
export { conditionEnvironment } from './kinds/admissionregistration/expressions.ts'
export { mutatingAdmissionPolicyKind } from './kinds/admissionregistration/mutating-admission-policy.ts'
export { mutatingAdmissionPolicyBindingKind } from './kinds/admissionregistration/mutating-admission-policy-binding.ts'
export { mutatingWebhookConfigurationKind } from './kinds/admissionregistration/mutating-webhook-configuration.ts'
export type * from './kinds/admissionregistration/types.ts'
export { validatingAdmissionPolicyKind } from './kinds/admissionregistration/validating-admission-policy.ts'
export { validatingAdmissionPolicyBindingKind } from './kinds/admissionregistration/validating-admission-policy-binding.ts'
export { validatingWebhookConfigurationKind } from './kinds/admissionregistration/validating-webhook-configuration.ts'
export { customKindsOf } from './kinds/apiextensions/custom-kind.ts'
export { CLEANUP_FINALIZER, customResourceDefinitionKind } from './kinds/apiextensions/custom-resource-definition.ts'
export { isEstablished } from './kinds/apiextensions/definition-rules.ts'
export type * from './kinds/apiextensions/types.ts'
export { type ApiService, type ApiServiceSpec, apiServiceKind } from './kinds/apiregistration/api-service.ts'
export { type ControllerRevision, controllerRevisionKind } from './kinds/apps/controller-revision.ts'
export { daemonSetKind } from './kinds/apps/daemon-set.ts'
export type * from './kinds/apps/daemon-set-types.ts'
export { deploymentKind } from './kinds/apps/deployment.ts'
export type * from './kinds/apps/deployment-types.ts'
export { type ReplicaSet, type ReplicaSetSpec, type ReplicaSetStatus, replicaSetKind } from './kinds/apps/replica-set.ts'
export { statefulSetKind } from './kinds/apps/stateful-set.ts'
export type * from './kinds/apps/stateful-set-types.ts'
export {
  type SelfSubjectReview,
  selfSubjectReviewKind,
  type TokenReview,
  tokenReviewKind,
  type UserInfo,
} from './kinds/authentication/reviews.ts'
export {
  type BoundObjectReference,
  type TokenRequest,
  type TokenRequestSpec,
  type TokenRequestStatus,
  tokenRequestKind,
} from './kinds/authentication/token-request.ts'
export {
  localSubjectAccessReviewKind,
  type NonResourceRule,
  type ResourceAttributes,
  type ResourceRule,
  type SelfSubjectRulesReview,
  type SubjectAccessReview,
  type SubjectAccessReviewSpec,
  type SubjectAccessReviewStatus,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
} from './kinds/authorization/reviews.ts'
export { horizontalPodAutoscalerKind } from './kinds/autoscaling/horizontal-pod-autoscaler.ts'
export type * from './kinds/autoscaling/horizontal-pod-autoscaler-types.ts'
export { horizontalPodAutoscalerV1Kind } from './kinds/autoscaling/horizontal-pod-autoscaler-v1.ts'
export { type Scale, scaleKind } from './kinds/autoscaling/scale.ts'
export { cronJobKind } from './kinds/batch/cron-job.ts'
export type * from './kinds/batch/cron-job-types.ts'
export { jobKind } from './kinds/batch/job.ts'
export { JOB_UID_LABEL, jobLabels } from './kinds/batch/job-rules.ts'
export type * from './kinds/batch/job-types.ts'
export { certificateSigningRequestKind } from './kinds/certificates/certificate-signing-request.ts'
export { type ClusterTrustBundle, clusterTrustBundleKind } from './kinds/certificates/cluster-trust-bundle.ts'
export { certificateIn, pemBlocks } from './kinds/certificates/pem.ts'
export { podCertificateRequestKind } from './kinds/certificates/pod-certificate-request.ts'
export { outcomeOf } from './kinds/certificates/pod-certificate-rules.ts'
export { requestedPem, validateApproval } from './kinds/certificates/rules.ts'
export type * from './kinds/certificates/types.ts'
export { formatLabels } from './kinds/columns.ts'
export { type Lease, type LeaseSpec, leaseKind } from './kinds/coordination/lease.ts'
export { type Binding, bindingKind } from './kinds/core/binding.ts'
export { type ConfigMap, configMapKind } from './kinds/core/config-map.ts'
export { type EndpointAddress, type EndpointSubset, type Endpoints, type EndpointsPort, endpointsKind } from './kinds/core/endpoints.ts'
export { type Event, type EventSeries, type EventSource, eventKind } from './kinds/core/event.ts'
export { type LimitRange, type LimitRangeItem, limitRangeKind } from './kinds/core/limit-range.ts'
export { NAMESPACE_NAME_LABEL, type Namespace, type NamespaceSpec, type NamespaceStatus, namespaceKind } from './kinds/core/namespace.ts'
export { nodeKind } from './kinds/core/node.ts'
export { isLabelOfNodes } from './kinds/core/node-labels.ts'
export { isNodeReady, nodeCondition } from './kinds/core/node-state.ts'
export type * from './kinds/core/node-types.ts'
export type { ObjectReference } from './kinds/core/object-reference.ts'
export { persistentVolumeKind } from './kinds/core/persistent-volume.ts'
export { persistentVolumeClaimKind } from './kinds/core/persistent-volume-claim.ts'
export type * from './kinds/core/persistent-volume-types.ts'
export type * from './kinds/core/pod.ts'
export {
  applyPodSpecDefaults,
  isMirrorPod,
  isPodActive,
  isPodFinished,
  isPodReady,
  isSidecar,
  isStaticPod,
  podCondition,
  podKind,
  podQosClass,
  podResourceRequests,
  podSummary,
  validateEphemeralContainersUpdate,
  validatePodResize,
  withResizedContainers,
} from './kinds/core/pod.ts'
export { type PodTemplate, podTemplateKind } from './kinds/core/pod-template.ts'
export {
  type ReplicationController,
  type ReplicationControllerSpec,
  type ReplicationControllerStatus,
  replicationControllerKind,
} from './kinds/core/replication-controller.ts'
export {
  type ResourceQuota,
  type ResourceQuotaSpec,
  type ResourceQuotaStatus,
  resourceQuotaKind,
  type ScopedResourceSelectorRequirement,
} from './kinds/core/resource-quota.ts'
export { SECRET_TYPES, type Secret, secretKind } from './kinds/core/secret.ts'
export { serviceKind } from './kinds/core/service.ts'
export { type ServiceAccount, serviceAccountKind } from './kinds/core/service-account.ts'
export { isExternallyAccessible, isHeadless } from './kinds/core/service-rules.ts'
export type * from './kinds/core/service-types.ts'
export { parseTaint, tolerates } from './kinds/core/taints.ts'
export { formatAccessModes } from './kinds/core/volume-rules.ts'
export {
  type Endpoint,
  type EndpointConditions,
  type EndpointPort,
  type EndpointSlice,
  endpointSliceKind,
} from './kinds/discovery/endpoint-slice.ts'
export { fromCoreEvent, type NewEvent, newEventKind, toCoreEvent } from './kinds/events/event.ts'
export { flowSchemaKind } from './kinds/flowcontrol/flow-schema.ts'
export { MANDATORY_FLOW_SCHEMAS, MANDATORY_PRIORITY_LEVELS } from './kinds/flowcontrol/mandatory.ts'
export { priorityLevelConfigurationKind } from './kinds/flowcontrol/priority-level-configuration.ts'
export type * from './kinds/flowcontrol/types.ts'
export { KINDS, kindFor, kindOf, REVIEW_KINDS, SPOKEN_KINDS } from './kinds/index.ts'
export { ingressKind } from './kinds/networking/ingress.ts'
export {
  DEFAULT_INGRESS_CLASS_ANNOTATION,
  type IngressClass,
  type IngressClassParameters,
  ingressClassKind,
  isDefaultIngressClass,
} from './kinds/networking/ingress-class.ts'
export { INGRESS_CLASS_ANNOTATION } from './kinds/networking/ingress-rules.ts'
export type * from './kinds/networking/ingress-types.ts'
export { type IpAddress, ipAddressKind, type ParentReference } from './kinds/networking/ip-address.ts'
export {
  type NetworkPolicy,
  type NetworkPolicyPeer,
  type NetworkPolicyPort,
  type NetworkPolicySpec,
  networkPolicyKind,
} from './kinds/networking/network-policy.ts'
export { type ServiceCidr, serviceCidrKind } from './kinds/networking/service-cidr.ts'
export { type RuntimeClass, runtimeClassKind } from './kinds/node/runtime-class.ts'
export { updateDisruptionAllowed } from './kinds/policy/disruption-allowed.ts'
export { type Eviction, evictionKind } from './kinds/policy/eviction.ts'
export {
  type PodDisruptionBudget,
  type PodDisruptionBudgetSpec,
  type PodDisruptionBudgetStatus,
  podDisruptionBudgetKind,
} from './kinds/policy/pod-disruption-budget.ts'
export { aggregateRules } from './kinds/rbac/aggregate.ts'
export { clusterRoleKind } from './kinds/rbac/cluster-role.ts'
export { clusterRoleBindingKind } from './kinds/rbac/cluster-role-binding.ts'
export { roleKind } from './kinds/rbac/role.ts'
export { roleBindingKind } from './kinds/rbac/role-binding.ts'
export {
  type ClusterRole,
  type ClusterRoleBinding,
  type PolicyRule,
  RBAC_GROUP,
  type Role,
  type RoleBinding,
  type RoleRef,
  type Subject,
} from './kinds/rbac/types.ts'
export { type PriorityClass, priorityClassKind, SYSTEM_PRIORITY_CLASSES } from './kinds/scheduling/priority-class.ts'
export { type CsiDriver, csiDriverKind } from './kinds/storage/csi-driver.ts'
export { type CsiNode, csiNodeKind } from './kinds/storage/csi-node.ts'
export { type CsiStorageCapacity, csiStorageCapacityKind } from './kinds/storage/csi-storage-capacity.ts'
export {
  DEFAULT_CLASS_ANNOTATION,
  isDefaultStorageClass,
  type StorageClass,
  storageClassKind,
  type TopologySelectorTerm,
} from './kinds/storage/storage-class.ts'
export { type VolumeAttachment, volumeAttachmentKind } from './kinds/storage/volume-attachment.ts'
export { type VolumeAttributesClass, volumeAttributesClassKind } from './kinds/storage/volume-attributes-class.ts'
export { type StorageVersionMigration, storageVersionMigrationKind } from './kinds/storagemigration/storage-version-migration.ts'
export type * from './meta.ts'
export {
  isConfigMapKey,
  isDnsLabel,
  isDnsSubdomain,
  isEnvVarName,
  isLabelValue,
  isPortName,
  isPortNumber,
  isQualifiedName,
  isServiceName,
} from './names.ts'
export { controllerOf, generateName, key, validateAnnotations, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts'
export {
  createMergePatch,
  createStrategicPatch,
  createThreeWayMergePatch,
  createThreeWayStrategicPatch,
  LAST_APPLIED_ANNOTATION,
} from './patch/create-patch.ts'
export { applyJsonPatch, isFailedTest } from './patch/json-patch.ts'
export { applyMergePatch } from './patch/merge-patch.ts'
export { applyStrategicPatch } from './patch/strategic-patch.ts'
export { certificatesIn, issuerHash } from './pki/authority.ts'
export { isRenewalDue, lifeOf, mustJoinAgain, warningTime } from './pki/renewal.ts'
export { publicKeyHash } from './public-key-hash.ts'
export {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isQuantity,
  parseMilli,
  parseQuantity,
  QUANTITY_FORMAT_ERROR,
  type QuantityFormat,
  subtractQuantities,
} from './quantity.ts'
export { type Logger, type Outcome, type Reconcile, type RunOptions, runController } from './reconcile/run-controller.ts'
export { WorkQueue, type WorkQueueOptions } from './reconcile/work-queue.ts'
export { deleteOptionsSchema } from './schema/delete-options.ts'
export {
  describeSchema,
  describeZod,
  type ListNode,
  type MapNode,
  type ObjectNode,
  type ScalarNode,
  type SchemaNode,
} from './schema/describe.ts'
export { escapeFieldValue, type FieldRequirement, fieldMatcher, formatFieldSelector, parseFieldSelector } from './selectors/fields.ts'
export { formatLabelSelector, parseLabelSelector, selectorFromLabelSelector, selectorFromMap } from './selectors/labels.ts'
export { matchesNodeSelector, matchesNodeTerm } from './selectors/nodes.ts'
export type { Operator, Requirement, Selector } from './selectors/requirement.ts'
export { validateLabelSelector, validateLabels } from './selectors/validate.ts'
export {
  ApiError,
  alreadyExists,
  apiError,
  badRequest,
  conflict,
  expired,
  type FieldError,
  fieldErrorBody,
  forbidden,
  invalid,
  isReason,
  notFound,
  qualifiedResource,
  type Reason,
  type ResourceName,
  type Status,
  type StatusCause,
  type StatusDetails,
  timedOut,
  tooManyRequests,
  unavailable,
} from './status.ts'
export { DAVIT_VERSION, KUBERNETES_VERSION } from './version.ts'
export {
  type BackupRequest,
  CERTIFICATE_ANNOTATIONS,
  type CertificateReport,
  CHANNELS,
  type ClusterInfo,
  DOCKER_LABELS,
  type DrainRequest,
  type DrainResponse,
  GROUPS,
  type JoinRequest,
  type JoinResponse,
  NAMESPACES,
  NETWORKS,
  NODE_USER_PREFIX,
  PATHS,
  SERVERS_EXTENSION,
  SERVICE_ACCOUNT_USER_PREFIX,
  STATIC_PODS,
  TAINTS,
  TUNNEL_PATHS,
  UNSUITABLE_IMAGES,
  VOLUMES,
} from './well-known.ts'
