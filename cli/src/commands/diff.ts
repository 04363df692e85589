import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isReason } from '@davit/api'
import { Command } from 'commander'
import { applyObject } from '../apply/index.ts'
import { type Cli, ExitError, withExamples, withFiles } from '../command-line/index.ts'
import { type ManifestObject, readManifests } from '../manifests/index.ts'
import { toYaml } from '../printers/index.ts'
import { placeOf } from '../resources/index.ts'
import type { AnyObject, Session } from '../session/index.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  serverSide?: boolean
}

/** `davit diff`. */
export function diffCommand(cli: Cli): Command {
  const command = new Command('diff')
    .description('Show what "apply" would change. Ends with 0 when nothing, 1 when something, more when it cannot tell.')
    .usage('-f FILE [flags]')
    .option('--server-side', 'As "apply --server-side" would.')
    .action(async (options: Options) => {
      try {
        await run(cli, options)
      } catch (err) {
        if (err instanceof ExitError) throw err
        // 1 means that there are differences.
        throw new ExitError(2, (err as Error).message.replace(/^(error: )?/, 'error: '))
      }
    })
  return withExamples(withFiles(command), 'davit diff -f web.yaml\nKUBECTL_EXTERNAL_DIFF="diff --color=always -u" davit diff -f manifests/')
}

async function run(cli: Cli, options: Options): Promise<void> {
  if (!options.filename) throw new Error('must specify one of -f and -k')
  const session = await cli.session()
  const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
  const folder = await mkdtemp(join(tmpdir(), 'davit-diff-'))
  const live = join(folder, 'LIVE')
  const merged = join(folder, 'MERGED')
  try {
    await Promise.all([mkdir(live), mkdir(merged)])
    for (const manifest of manifests) await writePair(session, manifest, { live, merged, serverSide: options.serverSide === true })
    const code = await runDiff(cli, live, merged)
    if (code === 1) throw new ExitError(1)
    if (code !== 0) throw new Error(`the diff program ended with code ${code}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writePair(
  session: Session,
  manifest: ManifestObject,
  { live, merged, serverSide }: { live: string; merged: string; serverSide: boolean },
): Promise<void> {
  const place = await placeOf(session, manifest)
  const current = await session.api.get(place.type, place).catch((err: unknown) => {
    if (isReason(err, 'NotFound')) return undefined
    throw err
  })
  const { object } = await applyObject(session, manifest, { dryRun: 'server', serverSide })
  const { group, version, kind } = place.type
  const name = [...(group ? [group] : []), version, kind, place.namespace ?? '', place.name].join('.')
  await writeFile(join(live, name), current ? toYaml(forDiff(current)) : '')
  await writeFile(join(merged, name), toYaml(forDiff(object)))
}

/** Who wrote what, and what a Secret holds, are not shown. */
function forDiff(object: AnyObject): AnyObject {
  const { managedFields: _, ...metadata } = object.metadata
  const shown: AnyObject = { ...object, metadata }
  if (object.kind !== 'Secret' || typeof object.data !== 'object' || object.data === null) return shown
  return { ...shown, data: Object.fromEntries(Object.entries(object.data).map(([key, value]) => [key, `*** (${String(value).length})`])) }
}

async function runDiff({ env, stdout, stderr }: Cli, live: string, merged: string): Promise<number | null> {
  const [program = 'diff', ...args] = (env.KUBECTL_EXTERNAL_DIFF || 'diff -u -N').split(/\s+/)
  const child = spawn(program, [...args, live, merged], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.pipe(stdout, { end: false })
  child.stderr.pipe(stderr, { end: false })
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
}
