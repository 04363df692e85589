import { invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject } from '../../meta.ts'
import { isDnsSubdomain, isServiceName } from '../../names.ts'
import { once } from '../../once.ts'
import { CONDITION_STATUSES, conditionListSchema } from '../../schema/conditions.ts'
import { boolean, bytes, field, int32, object, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/api-service-v1/ */
export interface ApiService extends KubernetesObject {
  spec?: ApiServiceSpec
  status?: { conditions?: Condition[] }
}

export interface ApiServiceSpec {
  /** Absent: this server serves it itself. */
  service?: { namespace?: string; name?: string; port?: number }
  group?: string
  version?: string
  insecureSkipTLSVerify?: boolean
  caBundle?: string
  groupPriorityMinimum?: number
  versionPriority?: number
}

const GROUP_PRIORITY_MAX = 20_000
const VERSION_PRIORITY_MAX = 1000

const specSchema = once(() =>
  object('APIServiceSpec', 'Who serves a version of an API group.', {
    service: field(
      object('ServiceReference', 'A port of a Service.', {
        namespace: string('Namespace of the Service.'),
        name: string('Name of the Service.'),
        port: int32('Port of the Service. Default 443.'),
      }),
      'Service that serves it; this server itself if absent.',
    ),
    group: string('The API group.'),
    version: string('The version.'),
    insecureSkipTLSVerify: boolean("Whether the Service's certificate is not checked. Not together with caBundle."),
    caBundle: bytes("Authorities in PEM that sign the Service's certificate; those of the system if absent."),
    groupPriorityMinimum: required(int32('How high the group stands among the others, from 1 to 20000.')),
    versionPriority: required(int32('How high the version stands among those of the group, from 1 to 1000.')),
  }),
)

export const apiServiceKind = defineKind<ApiService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  storagePrefix: 'apiregistration.k8s.io/apiservices',
  nameRule: 'path-segment',
  subresources: ['status'],
  hasGeneration: false,
  description: 'Who serves a version of an API group: this server, or another behind a Service. The name is version and group.',
  schema: () =>
    object('APIService', 'Who serves a version of an API group.', {
      spec: field(specSchema(), 'Who serves which version of which group.'),
      status: field(
        object('APIServiceStatus', 'Whether it is served.', {
          conditions: conditionListSchema('APIServiceCondition', 'Aspects of it: Available.'),
        }),
        'Whether it is served.',
      ),
    }),
  applyDefaults(apiService) {
    apiService.spec ??= {}
    apiService.status ??= {}
    if (apiService.spec.service) apiService.spec.service.port ??= 443
  },
  validate: validateApiService,
  validateStatus: ({ status }) =>
    (status?.conditions ?? []).flatMap(({ status: value }, i) =>
      CONDITION_STATUSES.includes(value) ? [] : [unsupportedValue(`status.conditions[${i}].status`, value ?? '', CONDITION_STATUSES)],
    ),
  columns: [
    nameColumn,
    {
      name: 'Service',
      type: 'string',
      description: 'Who serves it.',
      value: ({ spec }) => (spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local'),
    },
    { name: 'Available', type: 'string', description: 'Whether it is served.', value: formatAvailable },
    ageColumn,
  ],
})

function validateApiService({ metadata: { name = '' }, spec = {} }: ApiService): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum: groupPriority = 0, versionPriority = 0, service } = spec
  const errors: FieldError[] = []
  const wanted = `${version}.${group}`
  if (name !== wanted) {
    errors.push(invalidValue('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`))
  }
  if (group) errors.push(...invalidIf('spec.group', group, isDnsSubdomain(group)))
  else if (version !== 'v1') errors.push(requiredValue('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
  errors.push(...invalidIf('spec.version', version, isServiceName(version)))
  if (groupPriority <= 0 || groupPriority > GROUP_PRIORITY_MAX) {
    errors.push(invalidValue('spec.groupPriorityMinimum', groupPriority, 'must be positive and less than 20000'))
  }
  if (versionPriority <= 0 || versionPriority > VERSION_PRIORITY_MAX) {
    errors.push(invalidValue('spec.versionPriority', versionPriority, 'must be positive and less than 1000'))
  }
  return [...errors, ...(service ? validateRemote(spec, service) : validateLocal(spec))]
}

function validateLocal({ caBundle, insecureSkipTLSVerify }: ApiServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  if (caBundle) {
    const size = `${Buffer.from(caBundle, 'base64').length} bytes`
    errors.push(invalidValue('spec.caBundle', size, 'local APIServices may not have a caBundle'))
  }
  if (insecureSkipTLSVerify) {
    errors.push(invalidValue('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'))
  }
  return errors
}

function validateRemote(
  { caBundle, insecureSkipTLSVerify }: ApiServiceSpec,
  { namespace, name }: NonNullable<ApiServiceSpec['service']>,
): FieldError[] {
  const errors: FieldError[] = []
  if (!namespace) errors.push(requiredValue('spec.service.namespace'))
  if (!name) errors.push(requiredValue('spec.service.name'))
  if (insecureSkipTLSVerify && caBundle) {
    errors.push(invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
  }
  return errors
}

function formatAvailable({ status }: ApiService): string {
  const available = status?.conditions?.find(({ type }) => type === 'Available')
  if (!available) return ''
  return available.status === 'True' ? 'True' : `${available.status} (${available.reason ?? ''})`
}
