/** Stands before an S3 server that does not check signatures and does: AWS Signature Version 4, as its documentation describes it. */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** Passes on what is signed with `secretKey`; answers everything else 403. */
export async function startSignatureCheck(targetPort: number, secretKey: string): Promise<{ port: number; server: Server }> {
  const server = createServer(async (incoming, answer) => {
    const body = await buffer(incoming)
    if (!isSigned(incoming, body, secretKey)) {
      answer.writeHead(403, { 'content-type': 'application/xml' })
      return answer.end('<Error><Code>SignatureDoesNotMatch</Code><Message>The signature is not what it should be</Message></Error>')
    }
    const { method, url, headers } = incoming
    const passed = request({ host: '127.0.0.1', port: targetPort, method, path: url, headers }, response => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    passed.end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

function isSigned({ method, url = '', headers }: IncomingMessage, body: Buffer, secretKey: string): boolean {
  const pattern = /^AWS4-HMAC-SHA256 Credential=[^/]+\/((\d{8})\/([^/]+)\/s3\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/
  const [, scope = '', day = '', region = '', names = '', signature] = pattern.exec(headers.authorization ?? '') ?? []
  const { pathname, searchParams } = new URL(url, 'http://host')
  const query = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const lines = names.split(';').map(name => `${name}:${String(headers[name] ?? '').trim()}\n`)
  const path = pathname.split('/').map(part => encode(decodeURIComponent(part)))
  const bodyHash = String(headers['x-amz-content-sha256'])
  const canonical = [method, path.join('/'), query.join('&'), lines.join(''), names, bodyHash].join('\n')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  const key = ['aws4_request', 's3', region, day].reduceRight(
    (last, part) => hmac(last, part) as Buffer,
    `AWS4${secretKey}` as string | Buffer,
  )
  return bodyHash === sha256(body) && createHmac('sha256', key).update(text).digest('hex') === signature
}
