import { Command } from 'commander'
import { type Cli, listOption, withExamples } from '../command-line/index.ts'
import { alignColumns } from '../printers/index.ts'
import { listGroupVersions, type ResourceType } from '../session/index.ts'

interface Options {
  apiGroup?: string
  namespaced?: boolean
  verbs?: string[]
  categories?: string[]
  output?: string
  headers?: boolean
  sortBy?: string
}

/** `davit api-resources`. */
export function apiResourcesCommand(cli: Cli): Command {
  const command = new Command('api-resources')
    .description('List the types of objects the server has.')
    .option('--api-group <group>', 'Only of this group; empty: the core group.')
    .option('--namespaced', 'Only types in namespaces; --namespaced=false: only others.')
    .option('--verbs <verbs>', 'Only types that can all of this, such as list,watch.', listOption)
    .option('--categories <categories>', 'Only types in these categories, such as all.', listOption)
    .option('-o, --output <form>', 'wide or name.')
    .option('--no-headers', 'Leave out the first line.')
    .option('--sort-by <column>', 'name or kind.')
    .option('--cached', 'Kept for scripts.')
    .action(async (options: Options) => run(cli, options))
  return withExamples(command, 'davit api-resources\ndavit api-resources --namespaced=false -o wide\ndavit api-resources --api-group=apps')
}

async function run(cli: Cli, options: Options): Promise<void> {
  const { output, sortBy } = options
  if (output && output !== 'wide' && output !== 'name') throw new Error(`--output ${output} is not available`)
  if (sortBy && sortBy !== 'name' && sortBy !== 'kind') throw new Error('--sort-by accepts only name or kind')
  const session = await cli.session()
  const types = (await session.types.all()).filter(type => isWanted(type, options))
  const keyOf = ({ group, plural, kind }: ResourceType) => (sortBy === 'kind' ? [kind] : sortBy === 'name' ? [plural] : [group, plural])
  types.sort((one, other) => compare(keyOf(one), keyOf(other)))
  if (output === 'name') return cli.print(types.map(({ plural, group }) => `${group ? `${plural}.${group}` : plural}\n`).join(''))
  const isWide = output === 'wide'
  const header = ['NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND', ...(isWide ? ['VERBS', 'CATEGORIES'] : [])]
  const rows = types.map(type => [
    type.plural,
    type.shortNames.join(','),
    type.group ? `${type.group}/${type.version}` : type.version,
    String(type.namespaced),
    type.kind,
    ...(isWide ? [(type.verbs ?? []).toSorted().join(','), type.categories.join(',')] : []),
  ])
  cli.print(alignColumns(options.headers === false ? rows : [header, ...rows]))
}

function isWanted({ group, namespaced, verbs = [], categories }: ResourceType, options: Options): boolean {
  if (verbs.length === 0) return false
  if (options.apiGroup !== undefined && group !== options.apiGroup) return false
  if (options.namespaced !== undefined && namespaced !== options.namespaced) return false
  if (options.verbs && !options.verbs.every(verb => verbs.includes(verb))) return false
  return !options.categories || options.categories.every(category => categories.includes(category))
}

function compare(one: readonly string[], other: readonly string[]): number {
  for (const [at, text] of one.entries()) if (text !== other[at]) return text < (other[at] ?? '') ? -1 : 1
  return 0
}

/** `davit api-versions`. */
export function apiVersionsCommand(cli: Cli): Command {
  const command = new Command('api-versions').description('List the API versions the server has.').action(async () => {
    const session = await cli.session()
    const versions = (await listGroupVersions(session.api)).map(({ group, version }) => (group ? `${group}/${version}` : version))
    cli.print(
      versions
        .sort()
        .map(version => `${version}\n`)
        .join(''),
    )
  })
  return withExamples(command, 'davit api-versions')
}
