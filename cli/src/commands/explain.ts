import { Command } from 'commander'
import { type Cli, ExitError, withExamples } from '../command-line/index.ts'
import { explainField, explainHead, fetchSchema } from '../explain/index.ts'

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
      const type = await session.types.byName(versioned(name, options.apiVersion)).catch((err: Error) => {
        // As kubectl words it, without "error:".
        throw options.apiVersion
          ? new Error(`couldn't find resource for "${options.apiVersion}, Resource=${name}"`)
          : new ExitError(1, err.message)
      })
      const document = await fetchSchema(session.api, type)
      cli.print(explainHead(type))
      cli.print(explainField(document, path, options.recursive === true))
    })
  return withExamples(command, 'davit explain pods\ndavit explain deployment.spec.strategy\ndavit explain pod.spec.containers --recursive')
}

function versioned(name: string, apiVersion: string | undefined): string {
  if (!apiVersion) return name
  const [group, version] = apiVersion.split('/')
  return version ? `${name}.${version}.${group}` : `${name}.${group}.`
}
