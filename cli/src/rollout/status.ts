import type { Deployment } from '@davit/api'

export interface RolloutStatus {
  /** A line for the user. */
  readonly text: string
  readonly isDone: boolean
}

/** How far a rollout is, in kubectl's words. Throws when it cannot end any more, or `revision` is another than the one asked for. */
export function rolloutStatus({ metadata, spec, status }: Deployment, revision?: number): RolloutStatus {
  const name = metadata.name ?? ''
  if (revision) {
    const running = Number(metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)
    if (running !== revision) throw new Error(`desired revision (${revision}) is different from the running revision (${running})`)
  }
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0))
    return { text: 'Waiting for deployment spec update to be observed...', isDone: false }
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') throw new Error(`deployment "${name}" exceeded its progress deadline`)
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status ?? {}
  const wanted = spec.replicas ?? 1
  const waiting = (what: string) => ({ text: `Waiting for deployment "${name}" rollout to finish: ${what}...`, isDone: false })
  if (updatedReplicas < wanted) return waiting(`${updatedReplicas} out of ${wanted} new replicas have been updated`)
  if (replicas > updatedReplicas) return waiting(`${replicas - updatedReplicas} old replicas are pending termination`)
  if (availableReplicas < updatedReplicas) return waiting(`${availableReplicas} of ${updatedReplicas} updated replicas are available`)
  return { text: `deployment "${name}" successfully rolled out`, isDone: true }
}
