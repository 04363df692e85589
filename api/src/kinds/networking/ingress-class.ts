import { forbiddenField, immutable, invalidIf, invalidValue, requiredValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsLabel, isDnsSubdomain, isDomainPrefixedPath } from '../../names.ts'
import { field, object, oneOf, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateSegment } from './ingress-rules.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-class-v1/ */
export interface IngressClass extends KubernetesObject {
  spec?: { controller?: string; parameters?: IngressClassParameters }
}

export interface IngressClassParameters {
  apiGroup?: string
  kind: string
  name: string
  scope?: 'Cluster' | 'Namespace'
  namespace?: string
}

/** On the class that Ingresses get which name none. */
export const DEFAULT_INGRESS_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class'

const CONTROLLER_BYTES_MAX = 250

export const ingressClassKind = defineKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  hasGeneration: true,
  description: 'Which controller serves the Ingresses that name it.',
  schema: () =>
    object('IngressClass', 'Which controller serves the Ingresses that name it.', {
      spec: field(
        object('IngressClassSpec', 'The controller and what it is told.', {
          controller: string('Name of the controller: a domain and a path, such as example.com/ingress. It cannot be changed.'),
          parameters: field(
            object('IngressClassParametersReference', 'The object with what the controller is told.', {
              apiGroup: string('Group of the object; the core group if absent.'),
              kind: required(string('Kind of the object.')),
              name: required(string('Name of the object.')),
              scope: oneOf(['Cluster', 'Namespace'], 'Whether the object is in a namespace; Cluster by default.'),
              namespace: string('Namespace of the object; only with scope Namespace.'),
            }),
            'Object with what the controller is told.',
          ),
        }),
        'The controller and what it is told.',
      ),
    }),
  applyDefaults(ingressClass) {
    ingressClass.spec ??= {}
    const { parameters } = ingressClass.spec
    if (parameters) parameters.scope ??= 'Cluster'
  },
  validate: ({ spec = {} }) => [
    ...validateController(spec.controller),
    ...(spec.parameters ? validateParameters(spec.parameters, 'spec.parameters') : []),
  ],
  validateUpdate: ({ spec }, { spec: old }) => immutable('spec.controller', spec?.controller, old?.controller),
  columns: [
    nameColumn,
    { name: 'Controller', type: 'string', description: 'The controller.', value: ({ spec }) => spec?.controller ?? '' },
    {
      name: 'Parameters',
      type: 'string',
      description: 'Object with what the controller is told.',
      value: ({ spec }) => spec?.parameters && formatParameters(spec.parameters),
    },
    ageColumn,
  ],
})

/** Whether Ingresses that name no class get this one. */
export function isDefaultIngressClass({ metadata }: IngressClass): boolean {
  return metadata.annotations?.[DEFAULT_INGRESS_CLASS_ANNOTATION] === 'true'
}

function validateController(controller: string | undefined): FieldError[] {
  const path = 'spec.controller'
  if (!controller) return [requiredValue(path)]
  const errors = Buffer.byteLength(controller) > CONTROLLER_BYTES_MAX ? [tooLong(path, CONTROLLER_BYTES_MAX)] : []
  const wrong = isDomainPrefixedPath(controller)
  return wrong ? [...errors, invalidValue(path, wrong.part, wrong.why)] : errors
}

function validateParameters({ apiGroup, kind, name, scope, namespace }: IngressClassParameters, path: string): FieldError[] {
  const errors = [
    ...(apiGroup === undefined ? [] : invalidIf(`${path}.apiGroup`, apiGroup, isDnsSubdomain(apiGroup))),
    ...validateSegment(`${path}.kind`, kind),
    ...validateSegment(`${path}.name`, name),
  ]
  if (scope === 'Namespace' && namespace === undefined) {
    errors.push(requiredValue(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"))
  } else if (scope === 'Namespace') errors.push(...invalidIf(`${path}.namespace`, namespace, isDnsLabel(namespace ?? '')))
  if (scope === 'Cluster' && namespace !== undefined) {
    errors.push(forbiddenField(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"))
  }
  return errors
}

function formatParameters({ apiGroup, kind, name }: IngressClassParameters): string {
  return `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${name}`
}
