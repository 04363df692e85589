import type { PodTemplateSpec, Toleration, TopologySpreadConstraint } from '@davit/api'
import { selectorFromLabelSelector } from '@davit/api'
import { writeContainers } from './containers.ts'
import { writeVolumes } from './volumes.ts'
import { type DescriptionWriter, writeAnnotations, writeMap } from './writer.ts'

export function writePodTemplate(out: DescriptionWriter, template: PodTemplateSpec | undefined): void {
  out.line(0, 'Pod Template:')
  if (!template) {
    out.line(1, '<unset>')
    return
  }
  const { metadata, spec } = template
  writeMap(out, 1, 'Labels', metadata?.labels)
  if (Object.keys(metadata?.annotations ?? {}).length > 0) writeAnnotations(out, metadata?.annotations, 1)
  if (spec.serviceAccountName) out.field(1, 'Service Account', spec.serviceAccountName)
  if (spec.initContainers?.length) writeContainers(out, 'Init Containers', spec.initContainers, { isTemplate: true })
  writeContainers(out, 'Containers', spec.containers, { isTemplate: true })
  writeVolumes(out, spec.volumes, true)
  writeSpread(out, spec.topologySpreadConstraints, 1)
  if (spec.priorityClassName) out.field(1, 'Priority Class Name', spec.priorityClassName)
  writeMap(out, 1, 'Node-Selectors', spec.nodeSelector)
  writeTolerations(out, spec.tolerations, 1)
}

export function writeTolerations(out: DescriptionWriter, tolerations: readonly Toleration[] | undefined, level: number): void {
  const texts = (tolerations ?? [])
    .toSorted((a, b) => ((a.key ?? '') < (b.key ?? '') ? -1 : (a.key ?? '') > (b.key ?? '') ? 1 : 0))
    .map(tolerationText)
  if (texts.length === 0) out.line(level, 'Tolerations:', '<none>')
  for (const [at, text] of texts.entries()) out.line(level, at === 0 ? 'Tolerations:' : '', text)
}

function tolerationText({ key = '', value, effect, operator, tolerationSeconds }: Toleration): string {
  const subject = `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`
  const exists = operator === 'Exists' && !value ? `${subject ? ' ' : ''}op=Exists` : ''
  return `${subject}${exists}${tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`}`
}

export function writeSpread(out: DescriptionWriter, constraints: readonly TopologySpreadConstraint[] | undefined, level: number): void {
  if (!constraints?.length) return
  const texts = constraints
    .toSorted((a, b) => (a.topologyKey < b.topologyKey ? -1 : 1))
    .map(({ topologyKey, whenUnsatisfiable, maxSkew, labelSelector }) => {
      const selector = labelSelector ? ` for selector ${selectorFromLabelSelector(labelSelector).toString()}` : ''
      return `${topologyKey}:${whenUnsatisfiable} when max skew ${maxSkew} is exceeded${selector}`
    })
  for (const [at, text] of texts.entries()) out.line(level, at === 0 ? 'Topology Spread Constraints:' : '', text)
}
