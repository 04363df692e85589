/** One control plane from one image to another, and back when it does not become healthy. */
import { type Clock, connectHttp } from '@davit/api'
import type { ControlPlaneConfig } from '@davit/deploy'
import type { ResolvedConnection } from '../kubeconfig/index.ts'
import type { ComposeProject, MachineShell } from '../machines/index.ts'
import { startService } from './image.ts'
import type { ControlPlaneFacts } from './plan.ts'
import { davitVersion } from './version.ts'

export type Credentials = Omit<ResolvedConnection, 'server' | 'namespace'>

const ANSWER_MS_MAX = 5_000
const POLL_MS = 250
const BACK_MS_MIN = 120_000
/** So long it must stay healthy before the next one is touched. */
const STEADY_MS = 3_000

/** What this very replica says of itself. Never rejects. */
export async function askControlPlane(member: ControlPlaneConfig, credentials: Credentials): Promise<ControlPlaneFacts> {
  const { name } = member
  const client = connectHttp({ ...credentials, servers: [`https://${member.address}:${member.port}`], userAgent: 'davit' })
  const ask = async (path: string) => {
    const response = await client.raw({ method: 'GET', path, signal: AbortSignal.timeout(ANSWER_MS_MAX) })
    const chunks: Buffer[] = []
    for await (const chunk of response.body) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}: ${text.slice(0, 200).trim()}`)
    return text
  }
  try {
    await ask('/readyz')
    const { gitVersion } = JSON.parse(await ask('/version')) as { gitVersion: string }
    const version = davitVersion(gitVersion)
    return version === undefined ? { name, version, why: `it is "${gitVersion}", not Davit` } : { name, version }
  } catch (err) {
    return { name, version: undefined, why: (err as Error).message }
  } finally {
    client.close()
  }
}

export interface SwapOptions {
  readonly shell: MachineShell
  readonly project: ComposeProject
  readonly service: string
  readonly member: ControlPlaneConfig
  readonly credentials: Credentials
  readonly image: { readonly from: string; readonly to: string }
  readonly version: { readonly from: string | undefined; readonly to: string }
  /** How long it may take to be healthy. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Settles once it serves the new version. When it does not: the old image runs again, and what is thrown says so. */
export async function swapControlPlane(options: SwapOptions): Promise<void> {
  const { shell, project, service, member, image, version } = options
  try {
    await startService(shell, project, { service, image: image.to })
    await untilHealthy(options, version.to)
  } catch (err) {
    const why = (err as Error).message
    try {
      await startService(shell, project, { service, image: image.from })
      // What worked before is given time, however little the new one had.
      await untilHealthy({ ...options, timeoutMs: Math.max(options.timeoutMs, BACK_MS_MIN) }, version.from)
    } catch (again) {
      throw new Error(
        `${why}. The image before, ${image.from}, does not become healthy either: ${(again as Error).message}. Look at it with: ${project.program} logs ${service}`,
        { cause: err },
      )
    }
    throw new Error(`${why}. "${member.name}" runs ${image.from} again, and is healthy`, { cause: err })
  }
}

async function untilHealthy({ member, credentials, timeoutMs, clock }: SwapOptions, wanted: string | undefined): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs
  let healthySince: number | undefined
  for (;;) {
    const { version, why } = await askControlPlane(member, credentials)
    const isRight = version !== undefined && (wanted === undefined || version === wanted)
    healthySince = isRight ? (healthySince ?? clock.monotonic()) : undefined
    if (healthySince !== undefined && clock.monotonic() - healthySince >= STEADY_MS) return
    if (clock.monotonic() > deadline) {
      const is = version === undefined ? why : `it runs ${version}, wanted ${wanted}`
      throw new Error(`Control plane "${member.name}" is not healthy after ${timeoutMs / 1000} s: ${is}`)
    }
    await clock.sleep(POLL_MS)
  }
}
