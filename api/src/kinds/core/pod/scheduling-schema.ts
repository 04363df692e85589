import { once } from '../../../once.ts'
import { atomic, field, int32, int64, list, object, oneOf, required, string, strings } from '../../../schema/fields.ts'
import { labelSelectorSchema } from '../../../schema/label-selector.ts'

const ONLY_WHEN_SCHEDULED = 'Only looked at when the pod is scheduled; later changes do not move it.'

const nodeSelectorRequirement = once(() =>
  object('NodeSelectorRequirement', 'What one label or field of a node must be.', {
    key: required(string('Label key, or field path.')),
    operator: required(oneOf(['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'], 'How the values relate to what the node has.')),
    values: strings('Values for In and NotIn; one integer for Gt and Lt; empty for Exists and DoesNotExist.'),
  }),
)

const nodeSelectorTerm = once(() =>
  atomic(
    object('NodeSelectorTerm', 'Requirements that must all hold; an empty term matches no node.', {
      matchExpressions: list(nodeSelectorRequirement(), "Requirements on the node's labels."),
      matchFields: list(nodeSelectorRequirement(), "Requirements on the node's fields; only metadata.name."),
    }),
  ),
)

export const nodeSelectorSchema = once(() =>
  atomic(
    object('NodeSelector', 'Selects nodes that match any of its terms.', {
      nodeSelectorTerms: required(list(nodeSelectorTerm(), 'Terms of which one must match.')),
    }),
  ),
)

const podAffinityTerm = once(() =>
  object('PodAffinityTerm', 'Pods, and the topology domain within which to be near them or away from them.', {
    labelSelector: field(labelSelectorSchema(), 'Selects the other pods; without it none match.'),
    namespaces: strings("Namespaces of the other pods; with no namespaceSelector either, this pod's own."),
    topologyKey: required(string('Node label whose value names the domain. Must not be empty.')),
    namespaceSelector: field(labelSelectorSchema(), 'Selects further namespaces by label; an empty selector means all.'),
    matchLabelKeys: strings("Keys whose values are taken from this pod's labels and must be equal."),
    mismatchLabelKeys: strings("Keys whose values are taken from this pod's labels and must differ."),
  }),
)

function podAffinity(component: string, description: string) {
  return object(component, description, {
    requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm(), `Terms that must all hold. ${ONLY_WHEN_SCHEDULED}`),
    preferredDuringSchedulingIgnoredDuringExecution: list(
      object('WeightedPodAffinityTerm', 'A wish and how much it weighs.', {
        weight: required(int32('From 1 to 100.')),
        podAffinityTerm: required(field(podAffinityTerm(), 'What is wished for.')),
      }),
      'Wishes; nodes that meet more weight are preferred.',
    ),
  })
}

export const affinitySchema = once(() =>
  object('Affinity', 'Rules about which nodes and which neighbours a pod wants.', {
    nodeAffinity: field(
      object('NodeAffinity', 'Rules about nodes.', {
        requiredDuringSchedulingIgnoredDuringExecution: field(nodeSelectorSchema(), `Nodes the pod may run on. ${ONLY_WHEN_SCHEDULED}`),
        preferredDuringSchedulingIgnoredDuringExecution: list(
          object('PreferredSchedulingTerm', 'A wish and how much it weighs.', {
            weight: required(int32('From 1 to 100.')),
            preference: required(field(nodeSelectorTerm(), 'The nodes wished for.')),
          }),
          'Wishes; nodes that meet more weight are preferred.',
        ),
      }),
      'Which nodes.',
    ),
    podAffinity: field(podAffinity('PodAffinity', 'Rules about pods to be near to.'), 'Pods to share a domain with.'),
    podAntiAffinity: field(podAffinity('PodAntiAffinity', 'Rules about pods to keep away from.'), 'Pods to be kept apart from.'),
  }),
)

export const tolerationSchema = once(() =>
  object('Toleration', 'Lets the pod run on nodes with matching taints.', {
    key: string('Key of the taint; empty with Exists matches all.'),
    operator: oneOf(['Equal', 'Exists'], 'Equal (the default) compares the value, Exists does not.'),
    value: string('Value of the taint; empty with Exists.'),
    effect: oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], 'Effect of the taint; empty matches all.'),
    tolerationSeconds: int64('With NoExecute: for how long the taint is tolerated; without it, forever. Zero and less evict at once.'),
  }),
)

export const topologySpreadConstraintSchema = once(() =>
  object('TopologySpreadConstraint', 'How evenly matching pods are spread over domains.', {
    maxSkew: required(int32('Largest allowed difference between domains; above zero.')),
    topologyKey: required(string('Node label whose value names the domain.')),
    whenUnsatisfiable: required(
      oneOf(
        ['DoNotSchedule', 'ScheduleAnyway'],
        'Whether a pod that would break the constraint waits, or is placed where it does least harm.',
      ),
    ),
    labelSelector: field(labelSelectorSchema(), 'Selects the pods that are counted.'),
    minDomains: int32('Fewer domains than this count as empty ones; only with DoNotSchedule.'),
    nodeAffinityPolicy: oneOf(
      ['Honor', 'Ignore'],
      "Whether only nodes that match the pod's affinity and nodeSelector count; Honor by default.",
    ),
    nodeTaintsPolicy: oneOf(['Honor', 'Ignore'], 'Whether tainted nodes count only if tolerated; Ignore by default.'),
    matchLabelKeys: strings("Keys whose values are taken from this pod's labels and added to labelSelector."),
  }),
)
