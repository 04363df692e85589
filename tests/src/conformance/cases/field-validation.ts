/** Fields that no schema knows, and fields given twice. */
import assert from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'

/** A Deployment as text, so that a field can be there twice; `spec` and `metadata` are put in as they stand. */
function manifest(name: string, { metadata = '', spec = '' }): string {
  const labels = '{"app":"web"}'
  return (
    `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{${metadata}"name":"${name}","labels":${labels}},` +
    `"spec":{${spec}"replicas":1,"selector":{"matchLabels":${labels}},"template":{"metadata":{"labels":${labels}},` +
    `"spec":{"containers":[{"name":"main","image":"busybox:1.36"}]}}}}`
  )
}

const DOUBTFUL = '"unknown1":"a","unknownDup":"b","unknownDup":"c","paused":true,"paused":false,'

async function refusals(context: PlaneContext, body: string, fields: readonly string[]): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${context.namespace}/deployments`
  const { message } = await context.must(400, { method: 'POST', path: `${path}?fieldValidation=Strict`, body })
  assert.match(String(message), /strict decoding error: /)
  for (const field of fields) assert.ok(String(message).includes(field), `${message}: no ${field}`)

  const warned = await context.ask({ method: 'POST', path: `${path}?fieldValidation=Warn&dryRun=All`, body })
  assert.equal(warned.code, 201)
  const warnings = String(warned.headers.warning)
  for (const field of fields) assert.ok(warnings.includes(field.replaceAll('"', '\\"')), `${warnings}: no ${field}`)

  const ignored = await context.ask({ method: 'POST', path: `${path}?fieldValidation=Ignore&dryRun=All`, body })
  assert.deepEqual([ignored.code, ignored.headers.warning], [201, undefined])
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'Unknown and duplicate fields of a built-in object are refused under strict validation',
    run: async context => {
      const fields = ['unknown field "spec.unknown1"', 'unknown field "spec.unknownDup"', 'duplicate field "spec.paused"']
      await refusals(context, manifest('doubtful', { spec: DOUBTFUL }), fields)
      const { items } = await context.read(`/apis/apps/v1/namespaces/${context.namespace}/deployments`)
      assert.deepEqual(items, [])
    },
  },
  {
    row: 'Unknown metadata fields of a built-in object are refused',
    run: context =>
      refusals(context, manifest('doubtful', { metadata: '"unknownMeta":"a","generateName":"x","generateName":"y",' }), [
        'unknown field "metadata.unknownMeta"',
        'duplicate field "metadata.generateName"',
      ]),
  },
]
