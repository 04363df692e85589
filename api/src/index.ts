export { type Clock, formatMicroTime, formatTime, systemClock } from './clock.ts'
export { Backoff, type BackoffOptions } from './client/backoff.ts'
export type * from './client/client.ts'
export { connectHttp, type HttpClient, type HttpClientOptions, type RawRequest, type RawResponse, type WebSocketOptions } from './client/http-client.ts'
export { type Query, resourcePath, withQuery } from './client/resource-path.ts'
export type * from './informer/informer.ts'
export { type InformerOptions, startInformer } from './informer/start-informer.ts'
export { isNewer } from './informer/resource-version.ts'
export { apiVersionOf, defineKind, type Kind, type KindDefinition, type PrinterColumn, type Subresource } from './kind.ts'
export type * from './kinds/core/pod.ts'
export {
  applyPodSpecDefaults,
  isPodActive,
  isPodFinished,
  isPodReady,
  isSidecar,
  podCondition,
  podKind,
  podQosClass,
  podResourceRequests,
  podSummary,
  validateEphemeralContainersUpdate,
} from './kinds/core/pod.ts'
export type * from './meta.ts'
export { type Logger, type Outcome, type Reconcile, runController, type RunOptions } from './reconcile/run-controller.ts'
export { WorkQueue, type WorkQueueOptions } from './reconcile/work-queue.ts'
export {
  alreadyExists,
  ApiError,
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
  unavailable,
} from './status.ts'
export {
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
  TAINTS,
  TUNNEL_PATHS,
} from './well-known.ts'
export { ageSince, formatAge, parseDuration } from './duration.ts'
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
export {
  compareQuantities,
  formatQuantity,
  isQuantity,
  parseMilli,
  parseQuantity,
  QUANTITY_FORMAT_ERROR,
  type QuantityFormat,
} from './quantity.ts'
export { describeSchema, describeZod, type ListNode, type MapNode, type ObjectNode, type ScalarNode, type SchemaNode } from './schema/describe.ts'
export { escapeFieldValue, fieldMatcher, type FieldRequirement, formatFieldSelector, parseFieldSelector } from './selectors/fields.ts'
export { formatLabelSelector, parseLabelSelector, selectorFromLabelSelector, selectorFromMap } from './selectors/labels.ts'
export type { Operator, Requirement, Selector } from './selectors/requirement.ts'
export {
  createMergePatch,
  createStrategicPatch,
  createThreeWayMergePatch,
  createThreeWayStrategicPatch,
  LAST_APPLIED_ANNOTATION,
} from './patch/create-patch.ts'
export { applyJsonPatch } from './patch/json-patch.ts'
export { applyMergePatch } from './patch/merge-patch.ts'
export { applyStrategicPatch } from './patch/strategic-patch.ts'
