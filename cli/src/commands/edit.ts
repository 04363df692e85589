import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ApiError, createMergePatch, createStrategicPatch, kindFor } from '@davit/api'
import { Command } from 'commander'
import { type Cli, withExamples, withFieldManager, withFiles, withOutput, withSelector } from '../command-line/index.ts'
import { parseManifests } from '../manifests/index.ts'
import { toYaml } from '../printers/index.ts'
import { selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter, writeQuery } from '../results/index.ts'
import type { AnyObject, Session } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  selector?: string
  fieldManager: string
}

const HEAD = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`

/** `davit edit`. */
export function editCommand(cli: Cli): Command {
  const command = new Command('edit')
    .description('Change an object in your editor ($EDITOR).')
    .usage('(TYPE NAME | TYPE/NAME | -f FILE) [flags]')
    .argument('[resources...]', 'Type and name, or TYPE/NAME.')
    .action(async (args: string[], options: Options) => {
      const result = await createResultPrinter(cli, options)
      const session = await cli.session()
      const { filename: files, recursive, selector } = options
      const { targets, failures } = await selectTargets(session, args, { files, recursive, stdin: cli.stdin, selector })
      throwCollected(failures)
      for (const target of targets) await edit(cli, session, target, { options, result })
    })
  withFieldManager(withOutput(withSelector(withFiles(command))), 'kubectl-edit')
  return withExamples(command, 'davit edit deployment/web\nEDITOR=nano davit edit service web')
}

/** Opens the editor again, with the reason, as long as what was saved is refused. What somebody wrote is not lost when it ends otherwise. */
async function edit(
  cli: Cli,
  session: Session,
  target: Target,
  { options, result }: { options: Options; result: ResultPrinter },
): Promise<void> {
  const original = withoutManagedFields(target.object!)
  const folder = await mkdtemp(join(tmpdir(), 'davit-edit-'))
  const file = join(folder, `${target.type.plural}-${target.name}.yaml`)
  let text = HEAD + toYaml(original)
  let saved = ''
  let isFirst = true
  let isKept = false
  try {
    for (;;) {
      await writeFile(file, text, { mode: 0o600 })
      await runEditor(cli, file)
      saved = await readFile(file, 'utf8')
      // The first time this is a change of mind; later it is giving up on what was refused.
      if (saved === text && isFirst) return cli.warn('Edit cancelled, no changes made.\n')
      if (saved === text) throw new Error('Edit cancelled, no valid changes were saved.')
      isFirst = false
      try {
        const [edited] = parseManifests(saved, file)
        if (!edited) throw new Error('Edit cancelled, saved file was empty.')
        const { object } = edited
        if (isDeepStrictEqual(object, original)) return cli.warn('Edit cancelled, no changes made.\n')
        const patched = await session.api.patch(target.type, target, patchOf(original, object), {
          query: writeQuery(result, options.fieldManager),
        })
        return result.done(target, 'edited', patched)
      } catch (err) {
        if (!(err instanceof ApiError) && !/^(?:error parsing|unable to decode) /.test((err as Error).message)) throw err
        text = withReason(saved, (err as Error).message)
      }
    }
  } catch (err) {
    isKept = !isFirst && /^[^#\s]/m.test(saved)
    if (isKept) cli.warn(`A copy of your changes has been stored to "${file}"\n`)
    throw err
  } finally {
    if (!isKept) await rm(folder, { recursive: true, force: true })
  }
}

function withReason(saved: string, reason: string): string {
  const body = saved.replace(/^(#.*\n)*/, '')
  return `${HEAD}${reason
    .split('\n')
    .map(line => `# ${line}`)
    .join('\n')}\n#\n${body}`
}

function patchOf(original: AnyObject, edited: AnyObject) {
  const kind = kindFor(original.apiVersion, original.kind)
  return kind
    ? ({ type: 'strategic', body: createStrategicPatch(kind, original, edited) } as const)
    : ({ type: 'merge', body: createMergePatch(original, edited) } as const)
}

function withoutManagedFields(object: AnyObject): AnyObject {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

async function runEditor({ env }: Cli, file: string): Promise<void> {
  const editor = env.KUBE_EDITOR || env.EDITOR || 'vi'
  // Through a shell, since an editor may come with arguments.
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`there was a problem with the editor "${editor}": it ended with code ${code}`)
}
