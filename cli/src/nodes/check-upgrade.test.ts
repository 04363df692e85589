import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { machine, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentFiles } from './agent-file.ts'
import { type AgentFacts, agentProblem, parseAgentFacts } from './check-upgrade.ts'

const facts = (over: Partial<AgentFacts> = {}): AgentFacts => ({
  machine: 'x86_64',
  isInstalled: true,
  isContainer: false,
  previous: '0.1.0',
  previousKb: 100 * 1024,
  freeKb: 1024 * 1024,
  ...over,
})
const forth = { version: '0.2.0', isRollback: false }
const back = { version: '0.1.0', isRollback: true }

test('parseAgentFacts() reads what a machine with an agent says, and one without', () => {
  const said = 'machine x86_64\ninstalled yes\nprevious davit-node-agent 0.1.0\npreviousKb 102400\nfreeKb 1048576\n'
  assert.deepEqual(parseAgentFacts(said), facts())
  const { isInstalled, isContainer, previous } = parseAgentFacts('machine x86_64\ncontainer yes\nfreeKb 5\n')
  assert.deepEqual([isInstalled, isContainer, previous], [false, true, ''])
})

test('agentProblem() says why an agent cannot be upgraded or taken back', () => {
  assert.equal(agentProblem(facts(), forth), undefined)
  assert.equal(agentProblem(facts({ previous: '' }), forth), undefined)
  const contained = facts({ isInstalled: false, isContainer: true })
  assert.match(agentProblem(contained, forth) ?? '', /container: upgrade .* --skip-nodes, then start that anew .* 0\.2\.0/)
  assert.match(agentProblem(contained, back) ?? '', /container: start that anew .* 0\.1\.0/)
  assert.match(agentProblem(facts({ isInstalled: false }), forth) ?? '', /There is no \/usr\/local\/bin\/davit-node-agent.*davit node add/)
  assert.equal(agentProblem(facts(), back), undefined)
  assert.match(agentProblem(facts({ previous: '' }), back) ?? '', /kept from before is none, wanted 0\.1\.0/)
  assert.match(agentProblem(facts({ freeKb: 5 * 1024 }), back) ?? '', /5 MB free .*wanted 100 MB/)
})

test('an agent that this machine can run says its version, another is not asked, and one that is no program is refused', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-agent-test-'))
  try {
    const filed = async (name: string, text: string) => {
      await writeFile(join(dir, name), text)
      return agentFiles({ file: join(dir, name), env: {} })
    }
    const agents = await filed('agent', '#!/bin/sh\necho davit-node-agent 0.2.0\n')
    assert.equal(await agents.versionOf(machine()), '0.2.0')
    assert.equal(await agents.versionOf(machine() === 'x86_64' ? 'aarch64' : 'x86_64'), undefined)
    await assert.rejects((await filed('broken', '#!/bin/sh\nexit 3\n')).versionOf(machine()), /agent given does not run/)
    await assert.rejects(agents.of('riscv64'), /no agent for processor riscv64: want x86_64 or aarch64/)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})
