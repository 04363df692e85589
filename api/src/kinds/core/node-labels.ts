/** Operators steer workloads by Kubernetes' own labels: of these, nodes say of themselves only what is a plain fact of the machine. */
const OF_MACHINES: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
])

/** Whether a node may give itself the label, as https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction has it. */
export function isLabelOfNodes(label: string): boolean {
  const slash = label.indexOf('/')
  if (slash < 0) return true
  const prefix = label.slice(0, slash)
  const isWithin = (domain: string) => prefix === domain || prefix.endsWith(`.${domain}`)
  if (isWithin('node-restriction.kubernetes.io')) return false
  if (!isWithin('kubernetes.io') && !isWithin('k8s.io')) return true
  return OF_MACHINES.has(label) || isWithin('kubelet.kubernetes.io') || isWithin('node.kubernetes.io')
}
