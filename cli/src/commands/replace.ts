import { Command } from 'commander'
import { withSource } from '../apply/index.ts'
import { type Cli, withDryRun, withExamples, withFieldManager, withFiles, withOutput } from '../command-line/index.ts'
import { deleteObject, waitUntilGone } from '../deletion/index.ts'
import { type ManifestObject, readManifests } from '../manifests/index.ts'
import { collect, placeOf, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter, writeQuery } from '../results/index.ts'
import type { Session } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  force?: boolean
  fieldManager: string
}

/** `davit replace`. */
export function replaceCommand(cli: Cli): Command {
  const command = new Command('replace')
    .description('Put manifests in the place of objects that exist, whole.')
    .usage('-f FILE [flags]')
    .option('--force', 'Delete the object and create it again.')
    .action(async (options: Options) => {
      if (!options.filename) throw new Error('must specify one of -f and -k')
      const result = await createResultPrinter(cli, options)
      const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
      const session = await cli.session()
      const failures: unknown[] = []
      for (const manifest of manifests) await collect(failures, () => replace(session, manifest, { options, result }))
      throwCollected(failures)
    })
  withFieldManager(withDryRun(withOutput(withFiles(command))), 'kubectl-replace')
  return withExamples(command, 'davit replace -f web.yaml\ndavit get service web -o yaml | sed s/80/8080/ | davit replace -f -')
}

async function replace(
  session: Session,
  { object, source }: ManifestObject,
  { options, result }: { options: Options; result: ResultPrinter },
): Promise<void> {
  const place = await placeOf(session, { object, source })
  const wanted = place.namespace ? { ...object, metadata: { ...object.metadata, namespace: place.namespace } } : object
  const query = { ...writeQuery(result, options.fieldManager), fieldValidation: 'Strict' }
  if (result.dryRun === 'client') return result.done(place, 'replaced', wanted)
  if (options.force) {
    await waitUntilGone(session, place, await deleteObject(session, place, { gracePeriodSeconds: 0 }))
    return result.done(place, 'replaced', await session.api.create(place.type, { namespace: place.namespace }, wanted, { query }))
  }
  result.done(place, 'replaced', await session.api.replace(place.type, place, wanted, { query }).catch(withSource('replacing', source)))
}
