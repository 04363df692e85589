/** One request at a time on a connection that stays, for answers whose time counts from their first byte to their last. */
import { Agent, request } from 'node:https'
import { buffer } from 'node:stream/consumers'
import type { Target } from './contenders.ts'

export interface Answer {
  readonly bytes: Buffer
  /** From the request to the last byte. */
  readonly ms: number
}

const agents = new WeakMap<Target, Agent>()

/** Throws unless the answer is 200. */
export async function answerOf(target: Target, path: string, accept = 'application/json'): Promise<Answer> {
  const { port, certificateAuthority: ca, identity } = target
  const agent = agents.get(target) ?? new Agent({ keepAlive: true, maxSockets: 1, ca, key: identity, cert: identity })
  agents.set(target, agent)
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { accept }, agent }, answer => {
      buffer(answer).then(bytes => {
        if (answer.statusCode !== 200)
          reject(new Error(`Wanted 200 of ${path}, got ${answer.statusCode}: ${bytes.toString().slice(0, 200)}`))
        else resolve({ bytes, ms: performance.now() - began })
      }, reject)
    })
    asked.once('error', reject)
    asked.end()
  })
}
