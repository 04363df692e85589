/** Groups about how the cluster works: protobuf numbers, in the notation of `messages.ts`. Facts of Kubernetes' generated.proto files. */
export const CLUSTER = {
  'coordination.k8s.io/v1': `
Lease metadata spec
LeaseSpec holderIdentity? leaseDurationSeconds? acquireTime renewTime leaseTransitions? strategy? preferredHolder?
`,
  'events.k8s.io/v1': `
Event metadata eventTime series reportingController reportingInstance action reason regarding related note type deprecatedSource
  deprecatedFirstTimestamp deprecatedLastTimestamp deprecatedCount
EventSeries count lastObservedTime
`,
  'flowcontrol.apiserver.k8s.io/v1': `
ExemptPriorityLevelConfiguration nominalConcurrencyShares? lendablePercent?
FlowDistinguisherMethod type
FlowSchema metadata spec status
FlowSchemaCondition type status lastTransitionTime reason message
FlowSchemaSpec priorityLevelConfiguration matchingPrecedence distinguisherMethod rules
FlowSchemaStatus conditions
GroupSubject name
LimitResponse type queuing
LimitedPriorityLevelConfiguration nominalConcurrencyShares? limitResponse lendablePercent? borrowingLimitPercent?
NonResourcePolicyRule verbs 6:nonResourceURLs
PolicyRulesWithSubjects subjects resourceRules nonResourceRules
PriorityLevelConfiguration metadata spec status
PriorityLevelConfigurationCondition type status lastTransitionTime reason message
PriorityLevelConfigurationReference name
PriorityLevelConfigurationSpec type limited exempt
PriorityLevelConfigurationStatus conditions
QueuingConfiguration queues handSize queueLengthLimit
ResourcePolicyRule verbs apiGroups resources clusterScope namespaces
ServiceAccountSubject namespace name
Subject kind user group serviceAccount
UserSubject name
`,
  'node.k8s.io/v1': `
Overhead podFixed
RuntimeClass metadata handler overhead scheduling
Scheduling nodeSelector tolerations
`,
  'scheduling.k8s.io/v1': `
PriorityClass metadata value globalDefault description preemptionPolicy?
`,
  'storagemigration.k8s.io/v1': `
StorageVersionMigration metadata spec status
StorageVersionMigrationSpec resource
StorageVersionMigrationStatus conditions resourceVersion
`,
}
