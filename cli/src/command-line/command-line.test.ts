import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { ApiError, apiError, invalid, notFound } from '@davit/api'
import { Command } from 'commander'
import {
  addNegations,
  createProgram,
  describeError,
  dryRunOf,
  ExitError,
  integerOption,
  normalizeArguments,
  splitArguments,
  UsageError,
  useOwnErrors,
  withDryRun,
} from './index.ts'

test('splitArguments() keeps what follows -- for others', () => {
  assert.deepEqual(splitArguments(['exec', 'a', '--', 'ls', '--', '-n']), { own: ['exec', 'a'], afterDashes: ['ls', '--', '-n'] })
  assert.deepEqual(splitArguments(['get']), { own: ['get'], afterDashes: undefined })
})

async function parse(args: string[]): Promise<Record<string, unknown>> {
  let options: Record<string, unknown> = {}
  const program = createProgram('1.2.3')
  const command = new Command('go')
    .argument('[things...]')
    .option('-w, --wait', '', true)
    .option('-o, --output <form>')
    .option('-i, --stdin')
  withDryRun(command).action((things, _own, self: Command) => {
    options = { ...self.optsWithGlobals(), things }
  })
  program.addCommand(command)
  addNegations(program)
  const stdout = new PassThrough()
  useOwnErrors(program, { stdout, stderr: stdout })
  await program.parseAsync(normalizeArguments(args, program), { from: 'user' })
  return options
}

test('flags may be written as Go writes them, before and after the verb', async () => {
  const read = await parse(['-n=web', 'go', '-o=yaml', '--wait=false', 'a', '--stdin=true', '--context', 'c', 'b', '--dry-run'])
  const { namespace, output, wait, stdin, context, things, dryRun } = read
  assert.deepEqual(
    { namespace, output, wait, stdin, context, things, dryRun },
    { namespace: 'web', output: 'yaml', wait: false, stdin: true, context: 'c', things: ['a', 'b'], dryRun: 'unchanged' },
  )
  assert.equal((await parse(['go', '--wait'])).wait, true)
  assert.equal((await parse(['go'])).wait, true)
})

for (const [args, wanted] of [
  [['go', '--nope'], "error: unknown flag: --nope\nSee 'davit go --help' for usage."],
  [['go', '-z'], "error: unknown shorthand flag: 'z' in -z\nSee 'davit go --help' for usage."],
  [['go', '-o'], "error: flag needs an argument: --output\nSee 'davit go --help' for usage."],
  [['nope'], 'error: unknown command "nope" for "davit"\nSee \'davit --help\' for usage.'],
  [['goo'], 'error: unknown command "goo" for "davit"\n\nDid you mean this?\n\tgo'],
] as const) {
  test(`davit ${args.join(' ')} is refused in kubectl's words`, async () => {
    await assert.rejects(parse([...args]), (err: unknown) => err instanceof ExitError && err.exitCode === 1 && err.message === wanted)
  })
}

test('--help ends well', async () => {
  await assert.rejects(parse(['go', '--help']), (err: unknown) => err instanceof ExitError && err.exitCode === 0)
})

test('wrong values of flags are refused', () => {
  assert.throws(() => integerOption('--replicas')('x'), /invalid argument "x" for "--replicas" flag/)
  assert.throws(() => dryRunOf('unchanged'), /Invalid dry-run value \(unchanged\). Must be "none", "server", or "client"./)
})

const pods = { group: '', plural: 'pods' }
const refused = (code: string) =>
  apiError('ServiceUnavailable', 'GET / got no answer', undefined, { cause: Object.assign(new Error('connect'), { code }) })

for (const [what, error, wanted] of [
  ['a Status', notFound(pods, 'x'), 'Error from server (NotFound): pods "x" not found'],
  [
    'one invalid field',
    invalid({ group: 'apps', kind: 'Deployment' }, 'x', [{ type: 'Required', field: 'spec.a' }]),
    'The Deployment "x" is invalid: spec.a: Required value',
  ],
  [
    'several invalid fields',
    invalid({ group: '', kind: 'Pod' }, 'x', [
      { type: 'Required', field: 'spec.a' },
      { type: 'Invalid', field: 'b', value: -1, detail: 'why' },
    ]),
    'The Pod "x" is invalid: \n* spec.a: Required value\n* b: Invalid value: -1: why',
  ],
  ['a refused connection', refused('ECONNREFUSED'), 'The connection to the server here:1 was refused - did you start it? Try: npm run up'],
  ['an unknown host', refused('ENOTFOUND'), 'Unable to connect to the server: no such host: check "server" in the kubeconfig (here:1)'],
  [
    'an answer without a reason',
    new ApiError({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message: 'm', code: 500 }),
    'Error from server: m',
  ],
  ['wrong use', new UsageError('want NAME'), "error: want NAME\nSee 'davit get -h' for help and examples"],
  ['anything else', new Error('what'), 'error: what'],
  ['several', new AggregateError([new Error('a'), new Error('b')]), 'error: a\nerror: b'],
  ['a text of its own', new ExitError(3, 'as is'), 'as is'],
] as const) {
  test(`describeError() words ${what}`, () =>
    assert.equal(describeError(error, { server: 'https://here:1', command: 'davit get' }), wanted))
}
