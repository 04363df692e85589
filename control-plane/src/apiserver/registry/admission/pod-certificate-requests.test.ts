import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { test } from 'node:test'
import { type ApiError, type Clock, type PodCertificateRequest, podCertificateRequestKind } from '@davit/api'
import { createAuthority, sign, x509 } from '@davit/api/pki'
import { podCertificateRequests } from './pod-certificate-requests.ts'
import type { Admission } from './rule.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const DAY_MS = 86_400_000
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const RSA = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }

async function requestOf(algorithm: typeof P256 | typeof RSA = P256) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  return x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, signingAlgorithm: algorithm })
}
const encode = (request: x509.Pkcs10CertificateRequest) => Buffer.from(request.rawData).toString('base64')
const asked = (stubPKCS10Request: string, more: object = {}) =>
  ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'PodCertificateRequest',
    metadata: { name: 'a', namespace: 'default' },
    spec: { signerName: 'example.com/signer', maxExpirationSeconds: 86_400, stubPKCS10Request },
    ...more,
  }) as unknown as PodCertificateRequest

const rule = podCertificateRequests({ now: () => NOW } as Clock)
async function complaint(object: PodCertificateRequest, old?: PodCertificateRequest): Promise<string> {
  const change = { kind: podCertificateRequestKind, object, ...(old && { old, part: 'status', isPart: true }) } as unknown as Admission
  try {
    await rule.admit?.(change)
    return ''
  } catch (error) {
    return (error as ApiError).message
  }
}

const request = await requestOf()

test('a request must be one, signed by its own key, of a kind that is good enough', async () => {
  assert.equal(await complaint(asked(encode(request))), '')
  assert.match(
    await complaint(asked('AAAA')),
    /spec\.stubPKCS10Request: Invalid value: "AAAA": must be a valid PKCS#10 certificate request$/,
  )
  const bytes = Buffer.from(request.rawData)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  assert.match(await complaint(asked(bytes.toString('base64'))), /x509: signature verification failure$/)
  assert.match(
    await complaint(asked(encode(await requestOf(RSA)))),
    /Invalid value: "2048-bit modulus": RSA keys must have modulus size 3072 or 4096$/,
  )
  assert.equal(await complaint(asked(encode(await requestOf({ ...RSA, modulusLength: 3072 })))), '')
})

interface Issue {
  now?: number
  days?: number
  publicKey?: x509.PublicKeyType
  chain?: (leaf: string) => string
  times?: object
}
const time = (ms: number) => new Date(ms).toISOString().replace('.000', '')

async function issued({ now = NOW + 60_000, days = 1, publicKey = request.publicKey, chain = leaf => leaf, times = {} }: Issue = {}) {
  const authority = await createAuthority('signer', { now: now - DAY_MS, days: 400 })
  const leaf = await sign(authority, { commonName: 'web', usage: 'client' }, { publicKey, lifetime: { now, days } })
  const read = new x509.X509Certificate(leaf)
  const [notBefore, notAfter] = [read.notBefore.getTime(), read.notAfter.getTime()]
  const status = {
    conditions: [{ type: 'Issued', status: 'True' }],
    certificateChain: chain(leaf),
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    beginRefreshAt: time(notBefore + (notAfter - notBefore) / 2),
    ...times,
  }
  return asked(encode(request), { status })
}
const judged = async (issue: Issue) => complaint(await issued(issue), asked(encode(request)))

test('what is issued must be for the key that was asked for', async () => {
  assert.equal(await judged({ times: { notBefore: undefined } }), '', 'validation says what is missing')
  assert.match(await judged({ publicKey: (await requestOf()).publicKey }), /leaf certificate was not issued to the requested public key$/)
  assert.match(await judged({ chain: () => '' }), /must contain at least one certificate$/)
  assert.match(await judged({ chain: leaf => leaf.replaceAll('CERTIFICATE', 'KEY') }), /must consist entirely of CERTIFICATE PEM blocks$/)
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  assert.match(await judged({ chain: () => broken }), /leaf certificate does not parse as valid X\.509$/)
})

test('what is issued begins about now, ends in time, and says so', async () => {
  const hours = (count: number) => count / 24
  // Certificates begin a little before they are made, so that clocks may differ: less than the day that was asked for is left.
  assert.equal(await judged({ days: hours(20) }), '')
  assert.match(await judged({ days: hours(0.5) }), /leaf certificate lifetime must be >= 1 hour$/)
  assert.match(await judged({ days: 2 }), /leaf certificate lifetime must be <= spec\.maxExpirationSeconds \(86400\)$/)
  assert.match(await judged({ now: NOW - DAY_MS / 2 }), /must be set to within 5 minutes of kube-apiserver's current time$/)
  assert.match(
    await judged({ days: hours(20), times: { notAfter: time(NOW) } }),
    /must be set to the NotAfter time encoded in the leaf certificate$/,
  )
  assert.match(
    await judged({ days: hours(20), times: { beginRefreshAt: time(NOW) } }),
    /must be at least 10 minutes after status\.notBefore$/,
  )
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  assert.match(
    await judged({ days: hours(20), chain: leaf => `${leaf}\n${broken}` }),
    /intermediate certificate does not parse as valid X\.509$/,
  )
})
