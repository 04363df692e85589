import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startCluster, type TestCluster } from '../cluster.ts'
import { isFor, runCase, type VerbCase } from './case.ts'
import { VerbContext } from './context.ts'
import { FIXTURES } from './fixtures.ts'
import { VERBS } from './verbs.ts'

const AT_A_TIME = 3
const CASE_MS_MAX = 300_000

/**
 * Makes a test of each case with each kubectl 1.`version`, all on one cluster of two nodes. `DAVIT_KUBECTL` runs only those whose verb
 * begins with its text (or with one of several, `|` between them).
 */
export function describeVersions(versions: readonly number[]): void {
  const only = process.env.DAVIT_KUBECTL?.split('|')
  const cases = VERBS.filter(({ verb }) => !only || only.some(text => verb.startsWith(text)))
  let cluster: TestCluster
  before(async () => {
    cluster = await startCluster({ nodes: 2 })
  })
  after(() => cluster?.stop())
  for (const version of versions) {
    const able = cases.map((each, index) => ({ each, index })).filter(({ each }) => isFor(each, version))
    const register = (isAlone: boolean) => {
      for (const { each, index } of able) {
        if ((each.alone === true) !== isAlone) continue
        test(`${each.verb}: ${each.what}`, { timeout: CASE_MS_MAX }, () => runAt(cluster, version, { each, index }))
      }
    }
    describe(`kubectl 1.${version}`, () => {
      before(() => openShared(cluster, version))
      describe('together', { concurrency: AT_A_TIME }, () => register(false))
      describe('alone', () => register(true))
    })
  }
}

/** What the cases of a version look at. */
async function openShared(cluster: TestCluster, version: number): Promise<void> {
  const namespace = sharedNamespace(version)
  await cluster.kubectl(['create', 'namespace', namespace])
  await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], { input: FIXTURES })
  await cluster.kubectl(['wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s'])
  await cluster.kubectl(['rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s'])
}

async function runAt(cluster: TestCluster, version: number, { each, index }: { each: VerbCase; index: number }): Promise<void> {
  const namespace = `k${version}-${index}`
  const home = join(cluster.home.dir, `kubectl-${version}`)
  await mkdir(home, { recursive: true })
  const dir = await mkdtemp(join(home, 'case-'))
  await cluster.kubectl(['create', 'namespace', namespace])
  const context = new VerbContext({ version, kubeconfig: cluster.home.kubeconfig, shared: sharedNamespace(version) }, namespace, dir)
  try {
    await runCase(each, context)
  } finally {
    context.stop()
    await rm(dir, { recursive: true, force: true })
    await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false'])
  }
}

function sharedNamespace(version: number): string {
  return `kubectl-${version}`
}
