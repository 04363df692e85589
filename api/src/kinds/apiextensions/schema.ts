/** The schema of CustomResourceDefinition itself. */
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { anyValue, boolean, field, int32, int64, list, object, required, string, strings } from '../../schema/fields.ts'
import { clientConfigSchema } from '../admissionregistration/webhooks.ts'

const namesSchema = once(() =>
  object('CustomResourceDefinitionNames', 'How resources of the kind are called.', {
    plural: required(string('Name in paths: small letters. With the group it is the name of the definition.')),
    singular: string('Name of one, as kubectl takes it. Default: the kind in small letters.'),
    shortNames: strings('Short names that kubectl takes.'),
    kind: required(string('Name of the kind, in CamelCase.')),
    listKind: string('Name of the kind of lists. Default: the kind with List.'),
    categories: strings('Groups of resources the kind belongs to, such as all.'),
  }),
)

const columnSchema = once(() =>
  object('CustomResourceColumnDefinition', 'A column of what kubectl get prints.', {
    name: required(string('Heading of the column.')),
    type: required(string('Type of the cells: integer, number, string, boolean or date.')),
    format: string('Format of the cells; name for the first column.'),
    description: string('What is in the column.'),
    priority: int32('Columns above 0 are shown with -o wide only.'),
    jsonPath: required(string('Where in the object the cell is, as JSONPath.')),
  }),
)

const versionSchema = once(() =>
  object('CustomResourceDefinitionVersion', 'A version of the kind.', {
    name: required(string('Name of the version, such as v1 or v1beta1.')),
    served: required(boolean('Whether the API serves it.')),
    storage: required(boolean('Whether objects are stored in it: one version is.')),
    deprecated: boolean('Whether its clients are warned.'),
    deprecationWarning: string('The warning, where the usual one will not do.'),
    schema: field(
      object('CustomResourceValidation', 'What objects look like.', {
        openAPIV3Schema: anyValue('Schema of objects, as OpenAPI 3 has it, in the form Kubernetes calls structural.'),
      }),
      'What objects of the version look like.',
    ),
    subresources: field(
      object('CustomResourceSubresources', 'Parts of objects that are written by themselves.', {
        status: field(object('CustomResourceSubresourceStatus', 'Status, written by itself.', {}), 'Makes status a subresource.'),
        scale: field(
          object('CustomResourceSubresourceScale', 'Where a Scale finds its numbers.', {
            specReplicasPath: required(string('Path of the wanted number, below .spec.')),
            statusReplicasPath: required(string('Path of the present number, below .status.')),
            labelSelectorPath: string('Path of the selector in text, below .status or .spec.'),
          }),
          'Makes scale a subresource.',
        ),
      }),
      'Parts of objects that are written by themselves.',
    ),
    additionalPrinterColumns: list(columnSchema(), 'Columns of kubectl get besides the name. Default: the age.'),
    selectableFields: list(
      object('SelectableField', 'A field that lists can be selected by.', {
        jsonPath: required(string('Path of the field, such as .spec.color.')),
      }),
      'Fields besides name and namespace that field selectors take.',
    ),
  }),
)

const conversionSchema = once(() =>
  object('CustomResourceConversion', 'How objects are brought from one version into another.', {
    strategy: required(string('None: only apiVersion is changed. Webhook: a webhook is asked.')),
    webhook: field(
      object('WebhookConversion', 'The webhook that converts.', {
        clientConfig: field(clientConfigSchema(), 'Where it is asked.'),
        conversionReviewVersions: required(strings('Versions of ConversionReview it understands, the best first.')),
      }),
      'The webhook, for strategy Webhook.',
    ),
  }),
)

/** The whole but metadata. */
export const definitionSchema = once(() =>
  object('CustomResourceDefinition', 'A kind of objects that users define.', {
    spec: required(
      field(
        object('CustomResourceDefinitionSpec', 'The kind as it is wanted.', {
          group: required(string('Group of the kind: a domain.')),
          names: required(field(namesSchema(), 'How resources of the kind are called.')),
          scope: required(string('Cluster, or Namespaced.')),
          versions: required(list(versionSchema(), 'Versions of the kind.')),
          conversion: field(conversionSchema(), 'How objects are brought from one version into another. Default None.'),
          preserveUnknownFields: boolean('Obsolete; must be false.'),
        }),
        'The kind as it is wanted.',
      ),
    ),
    status: field(
      object('CustomResourceDefinitionStatus', 'What of it is served.', {
        conditions: conditionListSchema('CustomResourceDefinitionCondition', 'Aspects: NamesAccepted, Established, Terminating.', {
          observedGeneration: int64('Generation of the definition the condition speaks of.'),
        }),
        acceptedNames: field(namesSchema(), 'Names that are served.'),
        storedVersions: strings('Versions in which objects may be stored.'),
        observedGeneration: int64('Generation of the definition that was looked at last.'),
      }),
      'What of it is served.',
    ),
  }),
)
