/** `control-plane health`: for a container's health check, which has no other client at hand. */

import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const DEADLINE_MS = 3000

/** Resolves when the API server on this machine is ready; otherwise rejects with what it said, or why nobody answered within 3 s. */
export async function checkHealth(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...args], options: { port: text, 'pki-dir': text, 'data-dir': text } })
  const { port = '6443', 'data-dir': dataDir = '/var/lib/davit', 'pki-dir': pkiDir = join(dataDir, 'pki') } = values
  const url = `https://127.0.0.1:${port}/readyz?verbose`
  const { status, body } = await get(url, await readFile(join(pkiDir, 'ca.pem')))
  if (status !== 200) throw new Error(`${url} answers ${status}, wanted 200: ${body.trim()}`)
}

function get(url: string, ca: Buffer): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(DEADLINE_MS)
    const fail = (err: Error) => reject(signal.aborted ? new Error(`${url} did not answer within ${DEADLINE_MS / 1000} s`) : err)
    const sent = request(url, { ca, signal, agent: false }, answer => {
      answer.toArray().then(chunks => resolve({ status: answer.statusCode, body: Buffer.concat(chunks).toString() }), fail)
    })
    sent.on('error', fail)
    sent.end()
  })
}
