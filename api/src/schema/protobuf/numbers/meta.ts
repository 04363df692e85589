/** What all groups share: protobuf numbers, in the notation of `messages.ts`. Facts of Kubernetes' generated.proto files. */
export const META = {
  meta: `
Condition type status observedGeneration lastTransitionTime reason message
CreateOptions dryRun 3:fieldManager fieldValidation
DeleteOptions gracePeriodSeconds? preconditions orphanDependents? propagationPolicy? dryRun
  ignoreStoreReadErrorWithClusterBreakingPotential?
FieldSelectorRequirement key operator values
GroupResource group resource
LabelSelector matchLabels matchExpressions
LabelSelectorRequirement key operator values
ManagedFieldsEntry manager operation apiVersion time 6:fieldsType fieldsV1 subresource
ObjectMeta name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp
  deletionGracePeriodSeconds? labels annotations ownerReferences finalizers 17:managedFields
OwnerReference kind 3:name uid apiVersion controller? blockOwnerDeletion?
PartialObjectMetadata metadata
PatchOptions dryRun force? fieldManager fieldValidation
Preconditions uid? resourceVersion?
UpdateOptions dryRun fieldManager fieldValidation
`,
}
