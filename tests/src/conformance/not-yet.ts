/** Behaviours that no test shows, and why: what the cluster lacks. Whoever adds it writes the case and takes the row from here. */

export interface NotYet {
  /** In a word. */
  readonly reason: string
  /** What is missing, `group/Kind`, where it is a kind: once the API serves it, that is no reason any more. */
  readonly kind?: string
  /** The rows' texts, word for word. */
  readonly rows: readonly string[]
}

export const NOT_YET: readonly NotYet[] = [
  {
    reason: 'MutatingAdmissionPolicy: not served yet',
    kind: 'admissionregistration.k8s.io/MutatingAdmissionPolicy',
    rows: [
      'A bound MutatingAdmissionPolicy changes a Deployment through its CEL expression',
      'A bound MutatingAdmissionPolicy adds annotations to a Deployment',
      'MutatingAdmissionPolicy is discoverable and all eight verbs work',
      'MutatingAdmissionPolicyBinding is discoverable and all eight verbs work',
    ],
  },
  {
    reason: 'ResourceQuota: counted, no test of this name yet',
    rows: [
      'Quota status can be updated and patched without touching spec; spec patches flow to status',
      'Quota counts pod cpu/memory/ephemeral/extended requests, refuses excess and resource edits, releases on delete',
      'Quota usage counts a ReplicaSet and releases it on delete',
      'Quota usage counts an RC and releases it on delete',
      'Quota usage counts Services (incl. NodePort/LoadBalancer kinds) and releases them on delete',
      'A new quota quickly reports hard and used totals in status',
      'BestEffort and NotBestEffort scopes count only matching pods',
      'Terminating and NotTerminating scopes count pods by activeDeadlineSeconds',
    ],
  },
  {
    reason: 'LimitRange: applied, no test of this name yet',
    rows: ['LimitRange fills in defaults, refuses pods out of range, and can be updated and watched'],
  },
  { reason: 'CronJob: stored, starts no Jobs yet', rows: ['A suspended CronJob starts no jobs'] },
]
