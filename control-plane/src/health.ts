/** `control-plane health`: for a container's health check, which has no other client at hand. */

import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { certificatesIn } from '@davit/api/pki'
import { UsageError } from './options.ts'

const DEADLINE_MS = 3000

/** Resolves when the API server on this machine is ready; otherwise rejects with what it said, or why nobody answered within 3 s. */
export async function checkHealth(args: readonly string[]): Promise<void> {
  const { port, pkiDir } = parse(args)
  const ca = certificatesIn(await readFile(join(pkiDir, 'ca.pem'), 'utf8'))
  const url = `https://127.0.0.1:${port}/readyz?verbose`
  const { status, text } = await get(url, ca)
  if (status !== 200) throw new Error(`${url} answers ${status}, wanted 200: ${text.trim()}`)
}

function parse(args: readonly string[]): { port: string; pkiDir: string } {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({ args: [...args], options: { port: text, 'pki-dir': text, 'data-dir': text } })
    const { port = '6443', 'data-dir': dataDir = '/var/lib/davit', 'pki-dir': pkiDir = join(dataDir, 'pki') } = values
    return { port, pkiDir }
  } catch (err) {
    throw new UsageError((err as Error).message)
  }
}

function get(url: string, ca: string[]): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const sent = request(url, { ca, signal, agent: false }, async answer => {
      try {
        resolve({ status: answer.statusCode, text: Buffer.concat(await answer.toArray()).toString() })
      } catch (err) {
        reject(err as Error)
      }
    })
    sent.on('error', err => reject(signal.aborted ? new Error(`${url} did not answer within ${DEADLINE_MS / 1000} s`) : err))
    sent.end()
  })
}
