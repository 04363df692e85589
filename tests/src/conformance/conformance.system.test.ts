/**
 * The conformance list on one cluster of two Docker hosts: every row a test of its name, several at a time, each in a namespace of
 * its own; those that disturb others come last. `DAVIT_CONFORMANCE` runs only the rows that contain its text (or one of several, with
 * `|` between them), also those that are known to fail.
 */
import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { PATHS } from '@davit/api'
import { startCluster, type TestCluster } from '../cluster.ts'
import type { Case } from './case.ts'
import { CaseContext } from './context.ts'
import { withConformanceImage } from './images.ts'
import { reasonOf, TOPICS } from './registry.ts'

const AT_A_TIME = 8
/** For one that hangs; most take seconds. */
const CASE_MS_MAX = 240_000
const ONLY = process.env.DAVIT_CONFORMANCE
const cases = TOPICS.flatMap(topic => topic.cases).filter(({ row }) => !ONLY || ONLY.split('|').some(text => row.includes(text)))

let cluster: TestCluster
before(async () => {
  cluster = await startCluster({ nodes: 2, nodeCpu: '16', nodeMemory: '16Gi' })
  await withConformanceImage(async archive => {
    const headers = { 'content-type': 'application/x-tar' }
    const answer = await cluster.client.raw({ method: 'PUT', path: PATHS.images, body: createReadStream(archive), headers })
    const said = await text(answer.body)
    if (answer.status !== 200 || said.includes('"error"')) throw new Error(`Cannot load ${archive}: ${answer.status} ${said}`)
  })
})
after(() => cluster?.stop())

let number = 0
function register(each: Case): void {
  const namespace = `row-${++number}`
  const reason = reasonOf(each)
  const skip = reason !== undefined && !(ONLY && each.unmet) ? reason : false
  test(each.row, { skip, timeout: CASE_MS_MAX }, async () => {
    const context = new CaseContext(cluster, namespace)
    await context.open()
    try {
      await each.run(context)
    } finally {
      await context.close()
    }
  })
}

describe('Conformance', { concurrency: AT_A_TIME }, () => {
  for (const each of cases.filter(({ alone }) => !alone)) register(each)
})

describe('Conformance, with the cluster to itself', { concurrency: AT_A_TIME }, () => {
  for (const each of cases.filter(({ alone }) => alone)) register(each)
})
