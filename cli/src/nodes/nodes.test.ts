import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { before, test } from 'node:test'
import { publicKeyHash } from '@davit/api'
import { createAuthority, createCertificate } from '@davit/api/pki'
import { stringify } from 'yaml'
import { factsScript, type HostFacts, parseFacts } from './facts.ts'
import { parseInventory } from './inventory.ts'
import { dockerInstallScript, programsInstallScript } from './packages.ts'
import { agentConfig, type NodeSettings, planHost } from './plan.ts'
import { runPool } from './pool.ts'
import { preflight, type Wanted } from './preflight.ts'

const SERVER = 'https://10.0.0.1:6443'
const CLOCK_S = 1_700_000_000
const OUTPUT = `clock\t${CLOCK_S}
hostname\tWeb-1
system\tLinux
machine\tx86_64
osId\tdebian
osName\tDebian GNU/Linux 12 (bookworm)
packageManager\tapt-get
init\tsystemctl
free /usr/local/bin\t9000000
free /var/lib/davit\t9000000
docker\t26.0.0
docker\t20.10.24+dfsg1
dockerUp\tyes
liveRestore\ttrue
free docker\t9000000
route\tdefault eth0
route\t10.0.0.0/24 eth0
address\t10.0.0.21/24
reach ${SERVER}\tok
`
const facts = (extra = '', without = /^$/): HostFacts =>
  parseFacts(
    OUTPUT.split('\n')
      .filter(line => !without.test(line) || line === '')
      .join('\n') + extra,
  )
const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
  nodeName: 'web-1',
  architectures: ['x86_64', 'aarch64'],
  servers: [SERVER],
  clusterId: 'c1',
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/12',
  apiClockAhead: 0,
  hostClockAhead: 0,
  isNameAlive: false,
  installs: false,
  ...changes,
})

test('the script that asks a machine is accepted by sh, and its answer can be read', () => {
  for (const script of [
    factsScript([SERVER, 'https://[fd00::1]:6443']),
    dockerInstallScript('apt-get'),
    dockerInstallScript('dnf'),
    programsInstallScript(['ip'], 'apk'),
  ])
    execFileSync('sh', ['-n'], { input: script })
  const here = parseFacts(execFileSync('sh', ['-s'], { input: factsScript([]), stdio: ['pipe', 'pipe', 'ignore'] }).toString())
  assert.equal(here.system, 'Linux')
  assert.ok(Math.abs(here.clock - Date.now() / 1000) < 30)
  assert.ok((here.freeKb['/var/lib/davit'] ?? 0) > 0)
})

test('parseFacts() keeps the last word on what was asked twice', () => {
  const whole = { nodeName: 'a', clusterId: 'c', certificate: 'C', certificateAuthority: 'A' }
  const { hostname, dockerVersion, isDockerUp, routes, reach, identity } = facts(`identity\t${JSON.stringify({ ...whole, key: '' })}\n`)
  assert.deepEqual([hostname, dockerVersion, isDockerUp], ['web-1', '20.10.24+dfsg1', true])
  assert.deepEqual(routes[1], { to: '10.0.0.0/24', device: 'eth0' })
  assert.deepEqual([reach, identity], [{ [SERVER]: 'ok' }, whole])
  assert.equal(facts('identity\t{broken\n').identity, undefined)
})

test('preflight() finds nothing wrong with a good machine', () => assert.deepEqual(preflight(facts(), wanted()), []))

for (const [what, found, changes, check, isFatal] of [
  ['another system', facts('system\tFreeBSD\n'), {}, 'os', true],
  ['another processor', facts('machine\triscv64\n'), {}, 'architecture', true],
  ['nothing that starts programs', facts('', /^init/), {}, 'init', true],
  ['another cluster', facts('identity\t{"nodeName":"a","clusterId":"c2"}\n'), {}, 'membership', true],
  ['another name', facts('identity\t{"nodeName":"a","clusterId":"c1"}\n'), {}, 'membership', true],
  ['a name that lives', facts(), { isNameAlive: true }, 'name', true],
  ['a clock far behind', facts(), { hostClockAhead: -600 }, 'clock', true],
  ['a clock a little ahead', facts(), { hostClockAhead: 10 }, 'clock', false],
  ['no overlay', facts('missing\tthe overlay file system\n'), {}, 'kernel', true],
  ['no iproute2', facts('missingProgram\tip\n'), {}, 'programs', true],
  ['no conntrack', facts('missingProgram\tconntrack\n'), {}, 'programs', false],
  ['a full disk', facts('free docker\t1000\n'), {}, 'space', true],
  ['no Docker', facts('', /docker|liveRestore/), {}, 'docker', true],
  ['an old Docker', facts('docker\t19.03.8\n'), {}, 'docker', true],
  ['Docker that is off', facts('', /dockerUp/), {}, 'docker', true],
  ['no live-restore', facts('liveRestore\tfalse\n'), {}, 'docker', false],
  ['the API out of reach', facts(`reach ${SERVER}\ttimed out\n`), {}, 'reach', true],
  ['one of two replicas out of reach', facts('reach https://b:1\tno\n'), { servers: [SERVER, 'https://b:1'] }, 'reach', false],
  ['a route among the pods', facts('route\t10.244.3.0/24 tun0\n'), {}, 'subnets', true],
  ['an address among the services', facts('address\t10.97.0.4/32\n'), {}, 'subnets', true],
  ['a route around the pods', facts('route\t10.0.0.0/8 tun0\n'), {}, 'subnets', false],
] as const) {
  test(`preflight() finds ${what}`, () => {
    const findings = preflight(found, wanted(changes))
    assert.equal(findings[0]?.check, check)
    assert.equal(findings[0]?.isFatal, isFatal)
    assert.ok(preflight(found, wanted(changes), [check]).every(finding => !finding.isFatal))
  })
}

test('preflight() takes clocks that agree though ours is wrong, a missing Docker that may be installed, and a member routes', () => {
  assert.deepEqual(preflight(facts(), wanted({ hostClockAhead: -600, apiClockAhead: -599 })), [])
  assert.deepEqual(preflight(facts('', /docker|liveRestore/), wanted({ installs: true })), [])
  assert.deepEqual(preflight(facts('route\t10.244.0.0/24 davit\nidentity\t{"nodeName":"web-1","clusterId":"c1"}\n'), wanted()), [])
})

test('preflight() says in one line what to install for programs that are missing, and is silent where they will be', () => {
  const found = facts(['ip', 'bridge', 'mount', 'conntrack', 'perl'].map(name => `missingProgram\t${name}\n`).join(''))
  assert.deepEqual(
    preflight(found, wanted()).map(({ message }) => message),
    [
      'It lacks ip, bridge, mount: install iproute2 mount, or give --install-docker, which installs that too',
      'It lacks conntrack, perl or python3: install conntrack perl, or give --install-docker, which installs that too. Without, a request may be lost when a pod ends, and UDP may go to removed pods',
    ],
  )
  assert.deepEqual(preflight(found, wanted({ installs: true })), [])
  const [byHand] = preflight(parseFacts(OUTPUT.replace('packageManager\tapt-get\n', 'missingProgram\tip\n')), wanted({ installs: true }))
  assert.equal(byHand?.message, 'It lacks ip: install iproute2')
})

let SETTINGS: NodeSettings
let identity: { nodeName: string; clusterId: string; certificate: string; certificateAuthority: string }
before(async () => {
  const lifetime = { now: CLOCK_S * 1000, days: 90 }
  const { certificate: certificateAuthority, key } = await createAuthority('ca', lifetime)
  const { certificate } = await createCertificate(
    { certificate: certificateAuthority, key },
    { commonName: 'n', usage: 'client' },
    lifetime,
  )
  identity = { nodeName: 'web-1', clusterId: 'c1', certificate, certificateAuthority }
  const caHash = publicKeyHash(certificateAuthority)
  SETTINGS = { nodeName: 'web-1', servers: [SERVER], caHash, labels: ['a=b'], taints: [], flags: { cpu: '2' } }
})
const plan = (found: HostFacts, { settings = SETTINGS, installs = false } = {}) => planHost(found, { settings, sha256: 's', installs })
const kinds = (found: HostFacts, installs = false) => plan(found, { installs }).map(({ kind }) => kind)
const member = (config = `# comment\n${stringify({ ...agentConfig(SETTINGS), 'data-dir': '/d' })}`) =>
  `identity\t${JSON.stringify(identity)}\nagentSha256\ts\nconfig\t${Buffer.from(config).toString('base64')}\n`

test('planHost() does what is missing, and nothing twice', () => {
  assert.deepEqual(kinds(facts('', /docker|liveRestore/)), ['install-docker', 'upload-agent', 'install-agent'])
  assert.deepEqual(kinds(facts()), ['upload-agent', 'install-agent'])
  assert.deepEqual(kinds(facts('agentSha256\ts\n')), ['install-agent'])
  assert.deepEqual(kinds(facts(`${member()}agentRunning\tyes\n`)), [])
  assert.deepEqual(kinds(facts(member())), ['install-agent'])
  assert.deepEqual(kinds(facts(`${member('node-name: web-1')}agentRunning\tyes\n`)), ['install-agent'])
  assert.deepEqual(kinds(facts(`${member('{')}agentRunning\tyes\n`)), ['install-agent'])
  const lacking = facts(`${member()}agentRunning\tyes\nmissingProgram\tconntrack\n`)
  assert.deepEqual([kinds(lacking), kinds(lacking, true)], [[], ['install-programs']])
})

test('planHost() joins a member again whose certificate has ended or whose CA is no more, and no other', () => {
  const asksToken = (found: HostFacts, settings = SETTINGS) =>
    plan(found, { settings }).flatMap(step => (step.kind === 'install-agent' ? [step.needsToken] : []))
  assert.deepEqual(asksToken(facts(member())), [false])
  assert.deepEqual(asksToken(facts(`${member()}agentRunning\tyes\nclock\t${CLOCK_S + 91 * 86_400}\n`)), [true])
  assert.deepEqual(asksToken(facts(`${member()}agentRunning\tyes\n`), { ...SETTINGS, caHash: 'sha256:next' }), [true])
})

test('parseInventory() gives each host what is its own above what is common', () => {
  const [one, two] = parseInventory(
    'defaults: { user: admin, labels: { zone: a } }\nhosts:\n  - web\n  - { host: root@db, port: 2222, name: db-1, taints: ["x:NoSchedule"], flags: { cpu: 2 } }\n',
    'f',
  )
  assert.deepEqual([one?.text, one?.target, one?.labels], ['admin@web', { user: 'admin', host: 'web' }, ['zone=a']])
  assert.deepEqual(
    [two?.target, two?.name, two?.taints, two?.flags],
    [{ user: 'root', host: 'db', port: 2222 }, 'db-1', ['x:NoSchedule'], { cpu: '2' }],
  )
})

for (const [content, message] of [
  ['hosts: [', /f is not YAML/],
  ['[]', /f must be a map/],
  ['hosts: []', /f: hosts must be a list with at least one host/],
  ['hosts: [{ name: a }]', /f: hosts\[0\].host is missing/],
  ['hosts: [{ host: a, prot: 22 }]', /f: hosts\[0\].prot is no field: want one of host, user/],
  ['hosts: [{ host: a, port: ssh }]', /f: hosts\[0\].port must be a number from 1 to 65535, found "ssh"/],
  ['hosts: [{ host: a, taints: x }]', /f: hosts\[0\].taints must be a list/],
  ['host: a', /f: "host" is nothing it can hold/],
] as const) {
  test(`parseInventory() refuses ${content}`, () => assert.throws(() => parseInventory(content, 'f'), message))
}

test('runPool() keeps to its limit, and to the order', async () => {
  let [now, most] = [0, 0]
  const results = await runPool([1, 2, 3, 4, 5], 2, async item => {
    now += 1
    most = Math.max(most, now)
    await new Promise(setImmediate)
    now -= 1
    if (item === 3) throw new Error('three')
    return item
  })
  assert.equal(most, 2)
  assert.deepEqual(
    results.map(result => (result.status === 'fulfilled' ? result.value : String(result.reason))),
    [1, 2, 'Error: three', 4, 5],
  )
})
