import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planUpgrade, type UpgradeFacts } from './plan.ts'
import { foldAlike } from './preflight.ts'
import { compareVersions, davitVersion, parseVersion, type Version } from './version.ts'

const facts = (over: Partial<UpgradeFacts>): UpgradeFacts => ({
  target: '0.2.0',
  isRollback: false,
  skipsNodes: false,
  controlPlanes: [
    { name: 'a', version: '0.1.0' },
    { name: 'b', version: '0.1.0' },
  ],
  nodes: [{ name: 'n1', version: '0.1.0', isReady: true }],
  ...over,
})
const names = (over: Partial<UpgradeFacts>) => planUpgrade(facts(over)).steps.map(({ name }) => name)

test('control planes go before nodes, and nodes first on the way back', () => {
  assert.deepEqual(names({}), ['a', 'b', 'n1'])
  assert.deepEqual(names({ target: '0.0.9', isRollback: true }), ['n1', 'a', 'b'])
})

test('what runs the target already is passed over, so that a broken upgrade goes on', () => {
  const controlPlanes = [
    { name: 'a', version: '0.2.0' },
    { name: 'b', version: '0.1.0' },
  ]
  assert.deepEqual(names({ controlPlanes }), ['b', 'n1'])
})

test('nothing begins while something is down, or a version would be skipped or gone back to', () => {
  const problems = (over: Partial<UpgradeFacts>) => planUpgrade(facts(over)).problems.join('\n')
  assert.equal(problems({}), '')
  assert.match(problems({ controlPlanes: [{ name: 'a', version: undefined, why: 'refused' }] }), /"a" does not answer: refused/)
  assert.match(problems({ nodes: [{ name: 'n1', version: '0.1.0', isReady: false }] }), /"n1" is not Ready.*davit node remove n1/)
  assert.match(problems({ target: '0.3.0' }), /go one minor version at a time, to 0\.2 first/)
  assert.match(problems({ target: '0.0.9' }), /"a" runs 0\.1\.0, newer than 0\.0\.9.*--rollback/)
  assert.match(problems({ target: '1.0.0' }), /one minor version/)
  assert.match(problems({ target: 'latest' }), /"latest" is no version/)
  assert.equal(problems({ target: '0.0.9', isRollback: true }), '')
})

test('agents that stay as they are need not be Ready, but never newer than a control plane', () => {
  const nodes = [{ name: 'n1', version: '0.1.0', isReady: false }]
  assert.deepEqual(planUpgrade(facts({ nodes, skipsNodes: true })), { problems: [], steps: planUpgrade(facts({ nodes: [] })).steps })
  const { problems } = planUpgrade(facts({ target: '0.0.9', isRollback: true, skipsNodes: true }))
  assert.match(problems.join('\n'), /^Node "n1" runs 0\.1\.0, newer than 0\.0\.9.*leave --skip-nodes out$/)
})

test('a problem that several machines have is told once', () => {
  const found = ['n1', 'n2'].map(name => ({ name, problem: 'no way' }))
  assert.deepEqual(foldAlike([...found, { name: 'n3', problem: 'no room' }]), ['n1, n2: no way', 'n3: no room'])
})

test('versions are read and put in order as Semantic Versioning has it', () => {
  const texts = ['0.1.0-beta.2', '0.1.0-beta.10', '0.1.0', '0.1.1', '0.10.0', '1.0.0']
  const versions = texts.map(text => parseVersion(text) as Version)
  assert.deepEqual(versions.toReversed().sort(compareVersions), versions)
  assert.equal(parseVersion('0.1'), undefined)
  assert.equal(davitVersion('v1.33.0+davit-0.1.0'), '0.1.0')
  assert.equal(davitVersion('v1.29.3+k3s1'), undefined)
})
