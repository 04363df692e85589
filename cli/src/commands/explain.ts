import { Command } from 'commander'
import { type Cli, ExitError, withExamples } from '../command-line/index.ts'
import { explainField, explainHead, fetchSchema } from '../explain/index.ts'
import type { ResourceType, Session } from '../session/index.ts'

interface Options {
  recursive?: boolean
  apiVersion?: string
}

/** `davit explain`. */
export function explainCommand(cli: Cli): Command {
  const command = new Command('explain')
    .description('Describe a kind, or a field of it.')
    .usage('TYPE[.FIELD ...] [flags]')
    .argument('[type]', 'Type, then fields, parted by dots: pod.spec.containers.')
    .option('--recursive', 'All fields below, without descriptions.')
    .option('--api-version <version>', 'Group and version, such as apps/v1.')
    .action(async (argument: string | undefined, options: Options) => {
      if (argument === undefined) {
        throw new Error(
          'You must specify the type of resource to explain. Use "davit api-resources" for a complete list of supported resources.',
        )
      }
      const [name = '', ...path] = argument.split('.').filter(Boolean)
      const session = await cli.session()
      const type = await findType(session, name, options.apiVersion)
      const document = await fetchSchema(session.api, type)
      cli.print(explainHead(type))
      cli.print(explainField(document, path, options.recursive === true))
    })
  return withExamples(command, 'davit explain pods\ndavit explain deployment.spec.strategy\ndavit explain pod.spec.containers --recursive')
}

async function findType(session: Session, name: string, apiVersion: string | undefined): Promise<ResourceType> {
  // Without "error:", as kubectl words it here.
  const type = await session.types.byName(name).catch((err: Error) => {
    throw new ExitError(1, err.message)
  })
  if (!apiVersion) return type
  const found = await session.types.byKind(apiVersion, type.kind)
  if (!found) throw new Error(`couldn't find resource for "${apiVersion}, Resource=${type.plural}"`)
  return found
}
