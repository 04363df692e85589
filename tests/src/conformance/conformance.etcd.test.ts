/**
 * The rows of the conformance list that are about the API and its controllers: every row a test of its name, several at a time, against
 * one control plane on a real etcd, each in a namespace of its own. `DAVIT_CONFORMANCE` runs only the rows that contain its text (or one
 * of several, with `|` between them).
 */
import { after, before, describe, test } from 'node:test'
import { kubectlBinary } from '../kubectl.ts'
import { KUBECTL_MINOR, type PlaneCluster, startApiCluster } from './api-cluster.ts'
import type { Case } from './case.ts'
import { PlaneContext } from './plane-context.ts'
import { API_TOPICS, reasonOf } from './registry.ts'

const AT_A_TIME = 8
/** For one that hangs; most take less than a second. */
const CASE_MS_MAX = 60_000
const hasKubectl = await kubectlBinary(KUBECTL_MINOR).then(Boolean, () => false)
const ONLY = process.env.DAVIT_CONFORMANCE
const cases = API_TOPICS.flatMap(topic => topic.cases).filter(({ row }) => !ONLY || ONLY.split('|').some(text => row.includes(text)))

let cluster: PlaneCluster
before(async () => {
  cluster = await startApiCluster()
})
after(() => cluster?.stop())

let number = 0
function register(each: Case<PlaneContext>): void {
  const namespace = `row-${++number}`
  const skip = reasonOf(each) ?? (each.withKubectl && !hasKubectl ? 'no kubectl here, and none to be fetched' : false)
  test(each.row, { skip, timeout: CASE_MS_MAX }, async () => {
    const context = new PlaneContext(cluster, namespace)
    await context.open()
    try {
      await each.run(context)
    } finally {
      await context.close()
    }
  })
}

describe('Conformance of the API', { concurrency: AT_A_TIME }, () => {
  for (const each of cases.filter(({ alone }) => !alone)) register(each)
})

describe('Conformance of the API, with the control plane to itself', () => {
  for (const each of cases.filter(({ alone }) => alone)) register(each)
})
