/** How an agent is asked, from outside its process, to end its pods because the machine goes down: a file in its directory. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@davit/api'
import { z } from 'zod'

const FILE = 'shutdown.json'

const requestSchema = z.object({ state: z.enum(['asked', 'begun', 'done']), bootId: z.string(), at: z.number() })

/** `at`: wall clock, milliseconds. Of another boot it means nothing any more. */
export type ShutdownRequest = z.infer<typeof requestSchema>

export async function readRequest(dataDir: string): Promise<ShutdownRequest | undefined> {
  try {
    return requestSchema.parse(JSON.parse(await readFile(join(dataDir, FILE), 'utf8')))
  } catch {
    return undefined
  }
}

export async function writeRequest(dataDir: string, request: ShutdownRequest): Promise<void> {
  const path = join(dataDir, FILE)
  await writeFile(`${path}.new`, JSON.stringify(request), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

export async function removeRequest(dataDir: string): Promise<void> {
  await rm(join(dataDir, FILE), { force: true })
}

export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}

const POLL_MS = 200
/** How long an agent may take to notice. */
const NOTICE_MS_MAX = 5_000
const SLACK_MS = 15_000

/** Asks the agent of this directory and waits until its pods have ended. Rejects when none takes it up, or it takes too long. */
export async function askShutdown(dataDir: string, { graceMs, clock }: { graceMs: number; clock: Clock }): Promise<void> {
  const bootId = await readBootId()
  await writeRequest(dataDir, { state: 'asked', bootId, at: clock.now() })
  const { signal } = new AbortController()
  const begun = clock.monotonic()
  for (;;) {
    await clock.sleep(POLL_MS, signal)
    const state = (await readRequest(dataDir))?.state
    const waitedMs = clock.monotonic() - begun
    if (state === 'done') return
    if (state === 'asked' && waitedMs > NOTICE_MS_MAX) {
      await removeRequest(dataDir)
      throw new Error(`No agent runs on ${dataDir}, so there is none whose pods could be ended`)
    }
    if (waitedMs > graceMs + SLACK_MS) throw new Error(`The pods have not ended within ${Math.round(waitedMs / 1000)} s`)
  }
}
