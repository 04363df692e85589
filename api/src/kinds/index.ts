/** Every kind there is. Adding one means adding its file and listing it here. */
import { apiVersionOf, type Kind } from '../kind.ts'
import { mutatingAdmissionPolicyKind } from './admissionregistration/mutating-admission-policy.ts'
import { mutatingAdmissionPolicyBindingKind } from './admissionregistration/mutating-admission-policy-binding.ts'
import { mutatingWebhookConfigurationKind } from './admissionregistration/mutating-webhook-configuration.ts'
import { validatingAdmissionPolicyKind } from './admissionregistration/validating-admission-policy.ts'
import { validatingAdmissionPolicyBindingKind } from './admissionregistration/validating-admission-policy-binding.ts'
import { validatingWebhookConfigurationKind } from './admissionregistration/validating-webhook-configuration.ts'
import { customResourceDefinitionKind } from './apiextensions/custom-resource-definition.ts'
import { apiServiceKind } from './apiregistration/api-service.ts'
import { controllerRevisionKind } from './apps/controller-revision.ts'
import { daemonSetKind } from './apps/daemon-set.ts'
import { deploymentKind } from './apps/deployment.ts'
import { replicaSetKind } from './apps/replica-set.ts'
import { statefulSetKind } from './apps/stateful-set.ts'
import { selfSubjectReviewKind, tokenReviewKind } from './authentication/reviews.ts'
import { tokenRequestKind } from './authentication/token-request.ts'
import {
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
} from './authorization/reviews.ts'
import { horizontalPodAutoscalerKind } from './autoscaling/horizontal-pod-autoscaler.ts'
import { horizontalPodAutoscalerV1Kind } from './autoscaling/horizontal-pod-autoscaler-v1.ts'
import { scaleKind } from './autoscaling/scale.ts'
import { cronJobKind } from './batch/cron-job.ts'
import { jobKind } from './batch/job.ts'
import { certificateSigningRequestKind } from './certificates/certificate-signing-request.ts'
import { clusterTrustBundleKind } from './certificates/cluster-trust-bundle.ts'
import { podCertificateRequestKind } from './certificates/pod-certificate-request.ts'
import { leaseKind } from './coordination/lease.ts'
import { bindingKind } from './core/binding.ts'
import { configMapKind } from './core/config-map.ts'
import { endpointsKind } from './core/endpoints.ts'
import { eventKind } from './core/event.ts'
import { limitRangeKind } from './core/limit-range.ts'
import { namespaceKind } from './core/namespace.ts'
import { nodeKind } from './core/node.ts'
import { persistentVolumeKind } from './core/persistent-volume.ts'
import { persistentVolumeClaimKind } from './core/persistent-volume-claim.ts'
import { podKind } from './core/pod.ts'
import { podTemplateKind } from './core/pod-template.ts'
import { replicationControllerKind } from './core/replication-controller.ts'
import { resourceQuotaKind } from './core/resource-quota.ts'
import { secretKind } from './core/secret.ts'
import { serviceKind } from './core/service.ts'
import { serviceAccountKind } from './core/service-account.ts'
import { endpointSliceKind } from './discovery/endpoint-slice.ts'
import { newEventKind } from './events/event.ts'
import { flowSchemaKind } from './flowcontrol/flow-schema.ts'
import { priorityLevelConfigurationKind } from './flowcontrol/priority-level-configuration.ts'
import { ingressKind } from './networking/ingress.ts'
import { ingressClassKind } from './networking/ingress-class.ts'
import { ipAddressKind } from './networking/ip-address.ts'
import { networkPolicyKind } from './networking/network-policy.ts'
import { serviceCidrKind } from './networking/service-cidr.ts'
import { runtimeClassKind } from './node/runtime-class.ts'
import { evictionKind } from './policy/eviction.ts'
import { podDisruptionBudgetKind } from './policy/pod-disruption-budget.ts'
import { clusterRoleKind } from './rbac/cluster-role.ts'
import { clusterRoleBindingKind } from './rbac/cluster-role-binding.ts'
import { roleKind } from './rbac/role.ts'
import { roleBindingKind } from './rbac/role-binding.ts'
import { deviceClassKind } from './resource/device-class.ts'
import { deviceTaintRuleKind } from './resource/device-taint-rule.ts'
import { resourceClaimKind } from './resource/resource-claim.ts'
import { resourceClaimTemplateKind } from './resource/resource-claim-template.ts'
import { resourceSliceKind } from './resource/resource-slice.ts'
import { priorityClassKind } from './scheduling/priority-class.ts'
import { csiDriverKind } from './storage/csi-driver.ts'
import { csiNodeKind } from './storage/csi-node.ts'
import { csiStorageCapacityKind } from './storage/csi-storage-capacity.ts'
import { storageClassKind } from './storage/storage-class.ts'
import { volumeAttachmentKind } from './storage/volume-attachment.ts'
import { volumeAttributesClassKind } from './storage/volume-attributes-class.ts'
import { storageVersionMigrationKind } from './storagemigration/storage-version-migration.ts'

/** In the order discovery shows them: by group, then by plural. */
export const KINDS = [
  configMapKind,
  endpointsKind,
  eventKind,
  limitRangeKind,
  namespaceKind,
  nodeKind,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  podTemplateKind,
  replicationControllerKind,
  resourceQuotaKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  mutatingWebhookConfigurationKind,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
  validatingWebhookConfigurationKind,
  customResourceDefinitionKind,
  apiServiceKind,
  controllerRevisionKind,
  daemonSetKind,
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
  // The version that clients should prefer comes first.
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
  cronJobKind,
  jobKind,
  certificateSigningRequestKind,
  clusterTrustBundleKind,
  podCertificateRequestKind,
  leaseKind,
  endpointSliceKind,
  newEventKind,
  flowSchemaKind,
  priorityLevelConfigurationKind,
  ingressClassKind,
  ingressKind,
  ipAddressKind,
  networkPolicyKind,
  serviceCidrKind,
  runtimeClassKind,
  podDisruptionBudgetKind,
  clusterRoleBindingKind,
  clusterRoleKind,
  roleBindingKind,
  roleKind,
  deviceClassKind,
  deviceTaintRuleKind,
  resourceClaimKind,
  resourceClaimTemplateKind,
  resourceSliceKind,
  priorityClassKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  volumeAttributesClassKind,
  storageVersionMigrationKind,
  // A list of kinds of different objects: each is only ever given its own.
] as unknown as readonly Kind[]

/** Kinds that are questions: created, answered, and never stored. */
export const REVIEW_KINDS = [
  selfSubjectReviewKind,
  tokenReviewKind,
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
] as unknown as readonly Kind[]

/** Kinds that subresources take and give, besides the kinds they are of. */
export const SPOKEN_KINDS = [bindingKind, tokenRequestKind, scaleKind, evictionKind] as unknown as readonly Kind[]

const BY_VERSION = new Map(KINDS.map(kind => [`${apiVersionOf(kind)} ${kind.kind}`, kind]))

/** The kind of that group (empty for core), version and name. */
export function kindOf(group: string, version: string, kind: string): Kind | undefined {
  return kindFor(apiVersionOf({ group, version }), kind)
}

/** The kind of an object's own `apiVersion` and `kind`. */
export function kindFor(apiVersion: string, kind: string): Kind | undefined {
  return BY_VERSION.get(`${apiVersion} ${kind}`)
}
