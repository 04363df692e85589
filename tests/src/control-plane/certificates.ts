/** Keys and certificates of every worth, made by the openssl program. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '@davit/deploy'
import type { ControlPlane, Credentials } from './control-plane.ts'

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** A key, and a PKCS#10 request signed by it; both PEM. `subject` as in `/O=system:nodes/CN=x`. */
export function certificateRequest(subject = '/CN=x'): Promise<{ key: string; request: string }> {
  return inDirectory(async dir => {
    await command('openssl', ['req', '-new', ...NEW_KEY, '-keyout', join(dir, 'key'), '-out', join(dir, 'request'), '-subj', subject])
    return { key: await readFile(join(dir, 'key'), 'utf8'), request: await readFile(join(dir, 'request'), 'utf8') }
  })
}

/** A request of its own key for a certificate of some pod. */
export async function podCertificateSpec(more: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const { request } = await certificateRequest()
  return {
    signerName: 'example.com/signer',
    podName: 'web',
    podUID: 'u1',
    serviceAccountName: 'default',
    serviceAccountUID: 'u2',
    nodeName: 'n1',
    nodeUID: 'u3',
    stubPKCS10Request: request.replace(/-----[^-]+-----|\s/g, ''),
    ...more,
  }
}

/** What somebody else's CA says of a subject. */
export function strangersCertificate(subject: string): Promise<Credentials> {
  return inDirectory(async dir => {
    await command('openssl', ['req', '-x509', ...NEW_KEY, '-keyout', join(dir, 'key'), '-out', join(dir, 'certificate'), '-subj', subject])
    return { key: await readFile(join(dir, 'key'), 'utf8'), certificate: await readFile(join(dir, 'certificate'), 'utf8') }
  })
}

/** What the cluster's own CA says of a subject, for so many days from now. */
export async function clustersCertificate({ dataDir }: ControlPlane, subject: string, days = 1): Promise<Credentials> {
  const { key, request } = await certificateRequest(subject)
  const ca = join(dataDir, 'pki', 'ca.pem')
  return inDirectory(async dir => {
    await writeFile(join(dir, 'request'), request)
    const output = join(dir, 'certificate')
    const signing = ['-CA', ca, '-CAkey', ca, '-set_serial', '77', '-days', String(days)]
    await command('openssl', ['x509', '-req', '-in', join(dir, 'request'), '-out', output, ...signing])
    return { key, certificate: await readFile(output, 'utf8') }
  })
}

async function inDirectory<R>(use: (dir: string) => Promise<R>): Promise<R> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-certificates-'))
  try {
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
