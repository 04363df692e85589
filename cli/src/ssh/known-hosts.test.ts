import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkHostKey, fingerprint, knownHostName, knownHostsLine, parseKnownHosts } from './known-hosts.ts'

const A = { type: 'ssh-ed25519', key: 'AAAAC3NzaC1lZDI1NTE5AAAAIKeyA' }
const B = { type: 'ssh-ed25519', key: 'AAAAC3NzaC1lZDI1NTE5AAAAIKeyB' }
const RSA = { type: 'ssh-rsa', key: 'AAAAB3NzaC1yc2EAAAADRSA' }

const verdictOf = (text: string, host: string, shown = A, port = 22) =>
  checkHostKey(parseKnownHosts(text, 'known_hosts'), knownHostName(host, port), shown).is

for (const [what, text, host, port, wanted] of [
  ['a plain name', `web ${A.type} ${A.key} comment`, 'web', 22, 'known'],
  ['any case', `Web ${A.type} ${A.key}`, 'WEB', 22, 'known'],
  ['one of several names', `a,10.0.0.1 ${A.type} ${A.key}`, '10.0.0.1', 22, 'known'],
  ['a pattern', `*.example.org ${A.type} ${A.key}`, 'web.example.org', 22, 'known'],
  ['a pattern that excepts it', `*.org,!web.org ${A.type} ${A.key}`, 'web.org', 22, 'unknown'],
  ['a dot that is no wildcard', `a.b ${A.type} ${A.key}`, 'axb', 22, 'unknown'],
  ['a port', `[web]:2222 ${A.type} ${A.key}`, 'web', 2222, 'known'],
  ['another port', `web ${A.type} ${A.key}`, 'web', 2222, 'unknown'],
  ['another key', `web ${B.type} ${B.key}`, 'web', 22, 'changed'],
  ['a key of another type only', `web ${RSA.type} ${RSA.key}`, 'web', 22, 'changed'],
  ['one of two keys', `web ${B.type} ${B.key}\nweb ${A.type} ${A.key}`, 'web', 22, 'known'],
  ['a revoked key', `web ${A.type} ${A.key}\n@revoked * ${A.type} ${A.key}`, 'web', 22, 'revoked'],
  ['only a certificate authority', `@cert-authority * ${B.type} ${B.key}`, 'web', 22, 'unknown'],
  ['a comment', `# web ${A.type} ${A.key}`, 'web', 22, 'unknown'],
  ['rubbish', 'web\n\n \t\n|1|x', 'web', 22, 'unknown'],
] as const) {
  test(`checkHostKey() of ${what} says ${wanted}`, () => assert.equal(verdictOf(text, host, A, port), wanted))
}

test('knownHostsLine() is read back, hashed or not', () => {
  for (const hashed of [true, false]) {
    const line = knownHostsLine('[web]:2222', A, { hashed })
    assert.equal(line.includes('web'), !hashed)
    assert.equal(verdictOf(line, 'web', A, 2222), 'known')
    assert.equal(verdictOf(line, 'web', B, 2222), 'changed')
    assert.equal(verdictOf(line, 'other', A, 2222), 'unknown')
  }
})

test('what ssh-keygen hashes and prints is understood', t => {
  const dir = mkdtempSync(join(tmpdir(), 'davit-known-hosts-'))
  t.after(() => rmSync(dir, { recursive: true }))
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')])
  const [type = '', key = ''] = readFileSync(join(dir, 'key.pub'), 'utf8').split(' ')
  writeFileSync(join(dir, 'known_hosts'), `[10.0.0.1]:2022 ${type} ${key}\n`)
  execFileSync('ssh-keygen', ['-q', '-H', '-f', join(dir, 'known_hosts')], { stdio: 'ignore' })
  const hashed = readFileSync(join(dir, 'known_hosts'), 'utf8')
  assert.match(hashed, /^\|1\|/)
  assert.equal(verdictOf(hashed, '10.0.0.1', { type, key }, 2022), 'known')
  assert.equal(fingerprint(key), execFileSync('ssh-keygen', ['-l', '-f', join(dir, 'key.pub')], { encoding: 'utf8' }).split(' ')[1])
})
