import { type Cli, type DryRun, dryRunOf, dryRunSuffix } from '../command-line/index.ts'
import { createObjectPrinter } from '../printers/index.ts'
import { type AnyObject, objectLabel, type ResourceType } from '../session/index.ts'

export interface ResultOptions {
  output?: string | undefined
  dryRun?: unknown
  showManagedFields?: boolean | undefined
  template?: string | undefined
}

export interface Subject {
  readonly type: Pick<ResourceType, 'group' | 'kind'>
  readonly name: string
}

export interface ResultPrinter {
  readonly dryRun: DryRun
  /** `deployment.apps/web scaled`, or with `-o` the object. */
  done(subject: Subject, operation: string, object: AnyObject): void
}

/** Tells what was done to each object, as the command's `-o` and `--dry-run` want it. */
export async function createResultPrinter(
  cli: Pick<Cli, 'print'>,
  { output, dryRun: asked, ...options }: ResultOptions,
): Promise<ResultPrinter> {
  const dryRun = dryRunOf(asked)
  const printer = await createObjectPrinter(output, {
    ...(options.showManagedFields && { showManagedFields: true }),
    ...(options.template && { template: options.template }),
  })
  let isFirst = true
  return {
    dryRun,
    done({ type, name }, operation, object) {
      if (printer) {
        cli.print(`${output === 'yaml' && !isFirst ? '---\n' : ''}${printer.print([object])}`)
        isFirst = false
      } else cli.print(`${objectLabel(type, name)} ${operation}${dryRunSuffix(dryRun)}\n`)
    },
  }
}

/** Query of a write: who writes, and whether it is only tried. */
export function writeQuery({ dryRun }: { dryRun: DryRun }, fieldManager: string): Record<string, string> {
  return { fieldManager, ...(dryRun === 'server' && { dryRun: 'All' }) }
}
