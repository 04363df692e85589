import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { it } from 'node:test'
import { certificateRequest } from './certificate-request.ts'

it('certificateRequest() makes what openssl reads and finds signed by its own key', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = certificateRequest(keys, { commonName: `system:node:${'n'.repeat(150)}`, organization: 'system:nodes' })
  const text = execFileSync('openssl', ['req', '-noout', '-subject', '-verify', '-nameopt', 'RFC2253'], {
    input: pem,
    stdio: ['pipe', 'pipe', 'pipe'],
  }).toString()
  assert.match(text, new RegExp(`CN\\s?=\\s?system:node:${'n'.repeat(150)}`))
})
