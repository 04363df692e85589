import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { applyJsonPatch, applyMergePatch, applyStrategicPatch, type JsonPatchOperation, kindFor } from '@davit/api'
import { Command } from 'commander'
import { parse } from 'yaml'
import { type Cli, withDryRun, withExamples, withFieldManager, withFiles, withOutput } from '../command-line/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'
import type { AnyObject } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  patch?: string
  patchFile?: string
  type: string
  subresource?: string
  fieldManager: string
}

const TYPES = ['json', 'merge', 'strategic'] as const

/** `davit patch`. */
export function patchCommand(cli: Cli): Command {
  const command = new Command('patch')
    .description('Change fields of objects.')
    .usage('(-f FILE | TYPE NAME) -p PATCH [flags]')
    .argument('[resources...]', 'Type and name, or TYPE/NAME.')
    .option('-p, --patch <patch>', 'The change, as JSON or YAML.')
    .option('--patch-file <file>', 'A file with the change.')
    .option(
      '--type <type>',
      'strategic merges lists by their keys, merge replaces them, json is a list of operations (RFC 6902).',
      'strategic',
    )
    .option('--subresource <name>', 'Change a part of the object: status or scale.')
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withFieldManager(withDryRun(withOutput(withFiles(command))), 'kubectl-patch')
  return withExamples(
    command,
    `
davit patch deployment web -p '{"spec":{"replicas":3}}'
davit patch node node-1 -p 'spec: {unschedulable: true}'
davit patch pod web-1 --type=json -p '[{"op":"replace","path":"/spec/containers/0/image","value":"nginx:1.25"}]'`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const type = TYPES.find(known => known === options.type.toLowerCase())
  if (!type) throw new Error(`--type must be one of [${TYPES.join(' ')}], not "${options.type}"`)
  if (options.patch !== undefined && options.patchFile) throw new Error('cannot specify --patch and --patch-file together')
  const text = options.patchFile ? await readFile(options.patchFile, 'utf8') : options.patch
  if (!text) throw new Error('must specify --patch or --patch-file containing the contents of the patch')
  const body = parsePatch(text)
  const result = await createResultPrinter(cli, options)
  const session = await cli.session()
  const { targets, failures } = await selectTargets(session, args, {
    files: options.filename,
    recursive: options.recursive,
    stdin: cli.stdin,
  })
  for (const target of targets) {
    await collect(failures, async () => {
      if (result.dryRun === 'client')
        return result.done(target, operation(target, applyHere(target, type, body)), applyHere(target, type, body))
      const place = { namespace: target.namespace, name: target.name, ...(options.subresource && { subresource: options.subresource }) }
      const patched = await session.api.patch(target.type, place, { type, body }, { query: writeQuery(result, options.fieldManager) })
      result.done(target, operation(target, patched), patched)
    })
  }
  throwCollected(failures)
}

function parsePatch(text: string): unknown {
  try {
    return parse(text)
  } catch (err) {
    throw new Error(`unable to parse ${JSON.stringify(text)}: ${(err as Error).message.split('\n')[0]!.replace(/:$/, '')}`)
  }
}

function operation({ object }: Target, patched: AnyObject): string {
  const isSame = object?.metadata.resourceVersion === patched.metadata.resourceVersion && isDeepStrictEqual(object?.spec, patched.spec)
  return isSame && isDeepStrictEqual(object?.metadata, patched.metadata) ? 'patched (no change)' : 'patched'
}

function applyHere({ type, object }: Target, patchType: (typeof TYPES)[number], body: unknown): AnyObject {
  const kind = kindFor(type.group ? `${type.group}/${type.version}` : type.version, type.kind)
  if (patchType === 'json') return applyJsonPatch(object!, body as JsonPatchOperation[]) as AnyObject
  if (patchType === 'strategic' && kind) return applyStrategicPatch(kind, object!, body) as AnyObject
  return applyMergePatch(object!, body) as AnyObject
}
