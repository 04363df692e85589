import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { field, object } from '../../schema/fields.ts'
import { containerImages, containerNames, formatLabels, nameColumn } from '../columns.ts'
import { applyPodSpecDefaults, type PodTemplateSpec, podTemplateSchema, validatePodTemplate } from './pod.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-template-v1/ */
export interface PodTemplate extends KubernetesObject {
  template?: PodTemplateSpec
}

export const podTemplateKind = defineKind<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  namespaced: true,
  hasGeneration: true,
  description: 'A template of pods, kept for those who make pods from it.',
  schema: () => object('PodTemplate', 'A template of pods.', { template: field(podTemplateSchema(), 'What the pods are to be.') }),
  applyDefaults({ template }) {
    if (template?.spec) applyPodSpecDefaults(template.spec)
  },
  validate: ({ template }) => validatePodTemplate(template, 'template'),
  columns: [
    nameColumn,
    {
      name: 'Containers',
      type: 'string',
      description: 'Names of the containers in the template.',
      value: ({ template }) => containerNames(template?.spec),
    },
    {
      name: 'Images',
      type: 'string',
      description: 'Images of the containers in the template.',
      value: ({ template }) => containerImages(template?.spec),
    },
    {
      name: 'Pod Labels',
      type: 'string',
      description: 'Labels of the pods.',
      value: ({ template }) => formatLabels(template?.metadata?.labels),
    },
  ],
})
