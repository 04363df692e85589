/** What the agent must know of its cluster before it can run pods, kept on disk for a start while the API is away. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, type ClusterInfo, deadlineSignal, type HttpClient, type Logger, PATHS } from '@davit/api'
import { z } from 'zod'

const infoSchema = z.object({
  clusterId: z.string(),
  podCidr: z.string(),
  serviceCidr: z.string(),
  dnsAddress: z.string(),
  clusterDomain: z.string(),
  // Not there in what was kept by an earlier version.
  certificateAuthority: z.string().default(''),
})
const factsSchema = z.object({ info: infoSchema, podCidr: z.string() })

export interface ClusterFacts {
  readonly info: ClusterInfo
  /** Of this node. */
  readonly podCidr: string
}

export async function loadFacts(path: string): Promise<ClusterFacts | undefined> {
  try {
    return factsSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

export async function saveFacts(path: string, facts: ClusterFacts): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, JSON.stringify(facts), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

const RETRY_MS = { min: 200, max: 5_000 }

/** Asks once, for 10 s at most. */
export async function askClusterInfo(client: Pick<HttpClient, 'raw'>, signal: AbortSignal): Promise<ClusterInfo> {
  const response = await client.raw({ method: 'GET', path: PATHS.cluster, signal: deadlineSignal(10_000, signal) })
  const chunks: Buffer[] = []
  for await (const chunk of response.body) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (response.status !== 200) throw new Error(`The question for the cluster was answered with ${response.status}: ${text.slice(0, 200)}`)
  return infoSchema.parse(JSON.parse(text))
}

/** Asks until the API answers. */
export async function fetchClusterInfo(
  client: Pick<HttpClient, 'raw'>,
  { clock, log, signal }: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<ClusterInfo> {
  for (let delayMs = RETRY_MS.min; ; delayMs = Math.min(RETRY_MS.max, delayMs * 2)) {
    try {
      return await askClusterInfo(client, signal)
    } catch (err) {
      signal.throwIfAborted()
      log.warn({ err }, 'The API server does not answer yet')
      await clock.sleep(delayMs, signal)
    }
  }
}
