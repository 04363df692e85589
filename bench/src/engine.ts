/** As much of Docker's Engine API as the benches call, over kept connections: the fastest way there is to start a container. */
import { Agent, request } from 'node:http'

const VERSION = '/v1.41'
const TIMEOUT_MS = 60_000

export interface Engine {
  /** The answer's JSON, undefined when it has none. Throws with Docker's own message on any status from 400. */
  call(method: string, path: string, body?: unknown): Promise<unknown>
  close(): void
}

/** Talks to the Docker that listens on `socketPath`. */
export function connectEngine(socketPath: string): Engine {
  const agent = new Agent({ keepAlive: true })
  return {
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body)
        const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
        const what = `${method} ${path}`
        const call = request({ socketPath, agent, method, path: VERSION + path, headers, timeout: TIMEOUT_MS }, response => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.once('error', reject)
          response.once('end', () => {
            const answer = Buffer.concat(chunks).toString()
            const status = response.statusCode ?? 0
            if (status >= 400) reject(new Error(`Docker refused ${what} with ${status}: ${answer.trim()}`))
            else resolve(answer.startsWith('{') || answer.startsWith('[') ? JSON.parse(answer) : undefined)
          })
        })
        call.once('timeout', () => call.destroy(new Error(`Docker did not answer ${what} within ${TIMEOUT_MS / 1000} s`)))
        call.once('error', reject)
        call.end(text)
      }),
    close: () => agent.destroy(),
  }
}
