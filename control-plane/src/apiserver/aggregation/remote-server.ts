/** Connections to the server behind an APIService, and questions of our own to it. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { deadlineSignal, GROUPS } from '@davit/api'
import type { KeyPair } from '@davit/api/pki'
import { connectTls, type Dialer } from '../dial/index.ts'
import type { User } from '../registry/types.ts'
import type { RemoteApi } from './types.ts'
import { userHeaders } from './user-headers.ts'

const ASK_MS_MAX = 5000
const ANSWER_BYTES_MAX = 8 << 20
const US: User = { name: 'system:kube-aggregator', groups: [GROUPS.masters] }

export interface RemoteServers {
  readonly dialer: Dialer
  /** What this server shows of itself. */
  readonly certificate: () => KeyPair
}

/** The name that the server's certificate must be for. */
export function serverNameOf({ service: { name, namespace } }: RemoteApi): string {
  return `${name}.${namespace}.svc`
}

/** Rejects when it cannot be reached or trusted. */
export async function connectTo(remote: RemoteApi, { dialer, certificate }: RemoteServers, signal: AbortSignal): Promise<Duplex> {
  const connection = await dialer.dialService(remote.service, signal)
  const trust = { serverName: serverNameOf(remote), insecure: remote.insecure, certificate: certificate() }
  return connectTls(connection, { ...trust, ...(remote.ca !== undefined && { ca: remote.ca }) }, signal)
}

export interface RemoteAnswer {
  readonly code: number
  readonly text: string
}

/** A GET of our own. Rejects when there is no answer within 5 s, or too long a one. */
export async function askRemote(remote: RemoteApi, path: string, servers: RemoteServers, signal: AbortSignal): Promise<RemoteAnswer> {
  const deadline = deadlineSignal(ASK_MS_MAX, signal)
  const connection = await connectTo(remote, servers, deadline)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { host: serverNameOf(remote), accept: 'application/json', connection: 'close', ...userHeaders(US) }
      const asked = httpRequest({ path, headers, createConnection: () => connection })
      asked.once('response', resolve)
      asked.on('error', reject)
      connection.once('close', () => reject(deadline.aborted ? deadline.reason : new Error('EOF')))
      asked.end()
    })
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`)
      chunks.push(chunk)
    }
    return { code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }
  } finally {
    connection.destroy()
  }
}
