import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSshConfig, settingsFor } from './settings.ts'
import { formatTarget, parseTarget } from './target.ts'

const ENV = { HOME: '/home/ann', SSH_AUTH_SOCK: '/run/agent' }
const settings = (target: string, config: string, flags: { identityFile?: string; jump?: string } = {}) =>
  settingsFor(parseTarget(target), config, { env: ENV, ...flags })

for (const [text, wanted] of [
  ['web', { host: 'web' }],
  ['ann@web', { host: 'web', user: 'ann' }],
  ['ann@10.0.0.1:2222', { host: '10.0.0.1', user: 'ann', port: 2222 }],
  ['ssh://ann@web:22/', { host: 'web', user: 'ann', port: 22 }],
  ['fd00::1', { host: 'fd00::1' }],
  ['ann@[fd00::1]:22', { host: 'fd00::1', user: 'ann', port: 22 }],
  ['DOM\\ann@corp@web', { host: 'web', user: 'DOM\\ann@corp' }],
] as const) {
  test(`parseTarget() reads ${text}`, () => {
    assert.deepEqual(parseTarget(text), wanted)
    assert.deepEqual(parseTarget(formatTarget(parseTarget(text))), wanted.host.includes('::') ? { ...wanted, port: 22 } : wanted)
  })
}

for (const text of ['', '@web', 'ann@', 'web:0', 'web:70000', 'web:ssh', 'a b', '-oProxyCommand=x', 'ann@-x']) {
  test(`parseTarget() refuses "${text}"`, () => assert.throws(() => parseTarget(text), /names no host: want \[user@\]host/))
}

test('settingsFor() takes the first value that fits, and defaults', () => {
  const config = `
Host web*
  HostName %h.example.org
  User deploy
  Port 2222
  IdentityFile ~/.ssh/%r@%n
  ProxyJump ann@bastion:22, inner
  UserKnownHostsFile ~/.ssh/a ~/.ssh/b
  StrictHostKeyChecking accept-new
Host *
  User other
  identityfile /keys/b
  identitiesonly yes
  HashKnownHosts yes
`
  const found = settings('web1', config)
  assert.deepEqual([found.hostName, found.user, found.port, found.jumps], ['web1.example.org', 'deploy', 2222, ['ann@bastion:22', 'inner']])
  assert.deepEqual(found.identityFiles, ['/home/ann/.ssh/deploy@web1', '/keys/b'])
  assert.deepEqual(found.knownHostsFiles.slice(0, 2), ['/home/ann/.ssh/a', '/home/ann/.ssh/b'])
  assert.deepEqual([found.strictHostKeyChecking, found.identitiesOnly, found.hashKnownHosts], ['accept-new', true, true])
  const plain = settings('ann@10.0.0.1', '')
  assert.deepEqual([plain.hostName, plain.user, plain.port, plain.jumps, plain.agent], ['10.0.0.1', 'ann', 22, [], '/run/agent'])
  assert.deepEqual(plain.identityFiles[0], '/home/ann/.ssh/id_ed25519')
  assert.equal(plain.knownHostsFiles[0], '/home/ann/.ssh/known_hosts')
})

test('settingsFor() puts the target and flags above the configuration', () => {
  const config = 'Host *\n  User a\n  Port 1\n  IdentityFile /x\n  ProxyJump j\n  ProxyCommand nc %h %p\n'
  const found = settings('b@web:2', config, { identityFile: '/mine', jump: 'k,l' })
  assert.deepEqual(
    [found.user, found.port, found.identityFiles, found.jumps, found.proxyCommand],
    ['b', 2, ['/mine', '/x'], ['k', 'l'], undefined],
  )
})

for (const [value, wanted] of [
  ['no', 'accept-new'],
  ['yes', 'yes'],
  ['ask', 'ask'],
] as const) {
  test(`StrictHostKeyChecking ${value} is ${wanted}`, () =>
    assert.equal(settings('h', `StrictHostKeyChecking ${value}`).strictHostKeyChecking, wanted))
}

test('settingsFor() knows "none" and a proxy command', () => {
  assert.deepEqual(settings('h', 'ProxyJump none\nIdentityAgent none').jumps, [])
  assert.equal(settings('h', 'IdentityAgent none').agent, undefined)
  assert.equal(settings('h', 'ProxyCommand nc -X 5 %h %p').proxyCommand, 'nc -X 5 h 22')
})

test('readSshConfig() puts included files in their place', async t => {
  const home = mkdtempSync(join(tmpdir(), 'davit-ssh-config-'))
  t.after(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.ssh/config.d'), { recursive: true })
  writeFileSync(join(home, '.ssh/config'), 'Include config.d/*\nHost web\n  User second\n  Port 9\n')
  writeFileSync(join(home, '.ssh/config.d/10-web'), 'Host web\n  User first\n')
  writeFileSync(join(home, '.ssh/config.d/.hidden'), 'Host web\n  Port 1\n')
  const config = await readSshConfig({ env: { HOME: home } })
  const { user, port } = settingsFor(parseTarget('web'), config, { env: { HOME: home } })
  assert.deepEqual([user, port], ['first', 9])
})
