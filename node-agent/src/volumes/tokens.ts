/** Tokens of ServiceAccounts for projected volumes: asked for when needed, kept in memory, renewed long before they end. */
import { type Client, type Clock, deadlineSignal, type Pod, type ServiceAccountTokenProjection, serviceAccountKind } from '@davit/api'
import { z } from 'zod'

export interface IssuedToken {
  readonly token: string
  /** How long it is good for from now on. */
  readonly lifeMs: number
}

export type IssueToken = (pod: Pod, wanted: { audience: string; expirationSeconds: number }) => Promise<IssuedToken>

export interface Tokens {
  /** A token that is good for a while; the same until it is due for renewal. Rejects when there is none and none can be had. */
  get(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string>
  /** Milliseconds until one of the pod's tokens is due; undefined when it has none. */
  dueInMs(podUid: string): number | undefined
  forget(podUid: string): void
}

const SECONDS_DEFAULT = 3_600
const AGE_MS_MAX = 24 * 3_600_000
const SHARE_OF_LIFE = 0.8
const JITTER_MS_MAX = 10_000
/** A renewal that failed is tried again after this. */
const RETRY_MS = 30_000

interface Kept {
  token: string
  /** Monotonic. */
  renewAt: number
  endsAt: number
}

export function createTokens({ issue, clock, random = Math.random }: { issue: IssueToken; clock: Clock; random?: () => number }): Tokens {
  const ofPod = new Map<string, Map<string, Kept>>()
  const asking = new Map<string, Promise<string>>()

  const renew = async (pod: Pod, wanted: { audience: string; expirationSeconds: number }, key: string) => {
    const uid = pod.metadata.uid ?? ''
    const known = ofPod.get(uid)?.get(key)
    try {
      const since = clock.monotonic()
      const { token, lifeMs } = await issue(pod, wanted)
      const renewInMs = Math.min(lifeMs * SHARE_OF_LIFE, AGE_MS_MAX) - Math.min(JITTER_MS_MAX, lifeMs * 0.05) * random()
      const kept = { token, renewAt: since + renewInMs, endsAt: since + lifeMs }
      ofPod.set(uid, (ofPod.get(uid) ?? new Map()).set(key, kept))
      return token
    } catch (err) {
      if (!known || clock.monotonic() >= known.endsAt) throw err
      known.renewAt = clock.monotonic() + RETRY_MS
      return known.token
    }
  }

  return {
    async get(pod, { audience = '', expirationSeconds = SECONDS_DEFAULT }) {
      const uid = pod.metadata.uid ?? ''
      const key = JSON.stringify([audience, expirationSeconds, pod.spec.serviceAccountName])
      const known = ofPod.get(uid)?.get(key)
      if (known && clock.monotonic() < known.renewAt) return known.token
      const running = asking.get(uid + key)
      if (running) return running
      const asked = renew(pod, { audience, expirationSeconds }, key).finally(() => asking.delete(uid + key))
      asking.set(uid + key, asked)
      return asked
    },
    dueInMs(podUid) {
      const all = [...(ofPod.get(podUid)?.values() ?? [])].map(({ renewAt }) => renewAt - clock.monotonic())
      return all.length === 0 ? undefined : Math.max(0, Math.min(...all))
    },
    forget: podUid => void ofPod.delete(podUid),
  }
}

const answerSchema = z.object({
  spec: z.object({ expirationSeconds: z.number().optional() }).optional(),
  status: z.object({ token: z.string().min(1), expirationTimestamp: z.string() }),
})

/** Asks the API for a token that is bound to the pod. */
export function createTokenIssuer(client: Client, { clock, signal }: { clock: Clock; signal: AbortSignal }): IssueToken {
  return async ({ metadata, spec }, { audience, expirationSeconds }) => {
    const { name = '', namespace = 'default', uid = '' } = metadata
    const answer = await client.resource(serviceAccountKind).post(
      { namespace, name: spec.serviceAccountName ?? 'default' },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
      { signal: deadlineSignal(10_000, signal) },
    )
    const { spec: granted, status } = answerSchema.parse(answer)
    // The life that was granted, not the end: this machine's clock may be wrong.
    const lifeMs = granted?.expirationSeconds ? granted.expirationSeconds * 1000 : Date.parse(status.expirationTimestamp) - clock.now()
    return { token: status.token, lifeMs: Math.max(0, lifeMs) }
  }
}
