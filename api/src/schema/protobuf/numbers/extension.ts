/** Groups that extend the API: protobuf numbers, in the notation of `messages.ts`. Facts of Kubernetes' generated.proto files. */
export const EXTENSION = {
  'admissionregistration.k8s.io/v1': `
ApplyConfiguration expression
AuditAnnotation key valueExpression
ExpressionWarning 2:fieldRef warning
JSONPatch expression
MatchCondition name expression
MatchResources namespaceSelector objectSelector resourceRules excludeResourceRules 7:matchPolicy?
MutatingAdmissionPolicy metadata spec
MutatingAdmissionPolicyBinding metadata spec
MutatingAdmissionPolicyBindingSpec policyName paramRef matchResources
MutatingAdmissionPolicySpec paramKind matchConstraints variables mutations failurePolicy? matchConditions reinvocationPolicy
MutatingWebhook name clientConfig rules failurePolicy? namespaceSelector sideEffects? timeoutSeconds? admissionReviewVersions matchPolicy?
  reinvocationPolicy? objectSelector matchConditions
MutatingWebhookConfiguration metadata webhooks
Mutation 2:patchType applyConfiguration jsonPatch
NamedRuleWithOperations resourceNames *RuleWithOperations
ParamKind apiVersion kind
ParamRef name namespace selector parameterNotFoundAction?
Rule apiGroups apiVersions resources scope?
RuleWithOperations operations *Rule
ServiceReference namespace name path? port?
TypeChecking expressionWarnings
ValidatingAdmissionPolicy metadata spec status
ValidatingAdmissionPolicyBinding metadata spec
ValidatingAdmissionPolicyBindingSpec policyName paramRef matchResources validationActions
ValidatingAdmissionPolicySpec paramKind matchConstraints validations failurePolicy? auditAnnotations matchConditions variables
ValidatingAdmissionPolicyStatus observedGeneration typeChecking conditions
ValidatingWebhook name clientConfig rules failurePolicy? namespaceSelector sideEffects? timeoutSeconds? admissionReviewVersions
  matchPolicy? objectSelector matchConditions
ValidatingWebhookConfiguration metadata webhooks
Validation expression message reason? messageExpression
Variable name expression
WebhookClientConfig service caBundle url?
`,
  'apiextensions.k8s.io/v1': `
CustomResourceColumnDefinition name type format description priority jsonPath
CustomResourceConversion strategy webhook
CustomResourceDefinition metadata spec status
CustomResourceDefinitionCondition type status lastTransitionTime reason message observedGeneration
CustomResourceDefinitionNames plural singular shortNames kind listKind categories
CustomResourceDefinitionSpec group 3:names scope 7:versions 9:conversion preserveUnknownFields
CustomResourceDefinitionStatus conditions acceptedNames storedVersions observedGeneration
CustomResourceDefinitionVersion name served storage schema subresources additionalPrinterColumns deprecated deprecationWarning? selectableFields
CustomResourceSubresourceScale specReplicasPath statusReplicasPath labelSelectorPath?
CustomResourceSubresourceStatus
CustomResourceSubresources status scale
CustomResourceValidation openAPIV3Schema=JSONSchemaProps
ExternalDocumentation description url
JSONSchemaProps id $schema $ref? description type format title default maximum? exclusiveMaximum minimum? exclusiveMinimum maxLength?
  minLength? pattern maxItems? minItems? uniqueItems multipleOf? enum maxProperties? minProperties? required items allOf oneOf anyOf not
  properties additionalProperties? patternProperties dependencies additionalItems? definitions externalDocs example nullable
  x-kubernetes-preserve-unknown-fields? x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys
  x-kubernetes-list-type? x-kubernetes-map-type? x-kubernetes-validations
JSONSchemaPropsOrArray schema jSONSchemas
JSONSchemaPropsOrBool allows schema
JSONSchemaPropsOrStringArray schema property
SelectableField jsonPath
ServiceReference namespace name path? port?
ValidationRule rule message messageExpression reason? fieldPath optionalOldSelf?
WebhookClientConfig service caBundle url?
WebhookConversion 2:clientConfig conversionReviewVersions
`,
  'apiregistration.k8s.io/v1': `
APIService metadata spec status
APIServiceCondition type status lastTransitionTime reason message
APIServiceSpec service group version insecureSkipTLSVerify caBundle 7:groupPriorityMinimum versionPriority
APIServiceStatus conditions
ServiceReference namespace name port?
`,
}
