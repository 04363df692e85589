/** For tests: a real HTTP/2 server over TLS, with certificates made for the run. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificates {
  authority: string
  server: { certificate: string; key: string }
  client: { certificate: string; key: string }
}

/** One authority, a server at 127.0.0.1 and a client of it; P-256. */
export function makeCertificates(): Certificates {
  const dir = mkdtempSync(join(tmpdir(), 'davit-certificates-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  const read = (name: string) => readFileSync(join(dir, name), 'utf8')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const sign = (name: string, extensions: string) => {
    writeFileSync(join(dir, `${name}.ext`), extensions)
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    )
    return { certificate: read(`${name}.crt`), key: read(`${name}.key`) }
  }
  try {
    openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-subj', '/CN=test authority', '-days', '2', '-out', 'ca.crt')
    const server = sign('server', 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
    const client = sign('client', 'extendedKeyUsage=clientAuth\n')
    return { authority: read('ca.crt'), server, client }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

export type Answer = (stream: ServerHttp2Stream, request: Received) => void

export interface TestServer {
  url: string
  server: Http2SecureServer
  sessions: Set<ServerHttp2Session>
  received: Received[]
  /** Answers every request; replaced at will. */
  answer: Answer
  close(): void
}

/** Listens on a free port of loopback. */
export async function startTestServer({ authority, server: identity }: Certificates, answer: Answer): Promise<TestServer> {
  const server = createSecureServer({
    cert: identity.certificate,
    key: identity.key,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: false,
    allowHTTP1: true,
  })
  const sessions = new Set<ServerHttp2Session>()
  const received: Received[] = []
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const made: TestServer = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    sessions,
    received,
    answer,
    close() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
  server.on('stream', async (stream, headers) => {
    stream.on('error', () => {})
    let body = ''
    stream.setEncoding('utf8')
    stream.on('data', chunk => {
      body += chunk
    })
    stream.on('end', () => {
      const request = { method: String(headers[':method']), path: String(headers[':path']), headers, body }
      received.push(request)
      made.answer(stream, request)
    })
  })
  return made
}

/** Answers with JSON. */
export function respond(stream: ServerHttp2Stream, status: number, body: unknown, headers: Record<string, string> = {}): void {
  stream.respond({ ':status': status, 'content-type': 'application/json', ...headers })
  stream.end(JSON.stringify(body))
}
