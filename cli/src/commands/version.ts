import { ApiError } from '@davit/api'
import { Command } from 'commander'
import { type Cli, withExamples } from '../command-line/index.ts'
import { toJson, toYaml } from '../printers/index.ts'

interface Options {
  client?: boolean
  output?: string
}

/** `davit version`. */
export function versionCommand(cli: Cli, ownVersion: string): Command {
  const command = new Command('version')
    .description('Print the versions of this program and of the server.')
    .option('--client', 'Only of this program.')
    .option('-o, --output <form>', 'json or yaml.')
    .action(async (options: Options) => {
      const { output } = options
      if (output && output !== 'json' && output !== 'yaml') throw new Error(`--output must be 'yaml' or 'json'`)
      const clientVersion = {
        gitVersion: `v${ownVersion}`,
        platform: `${process.platform}/${process.arch}`,
        runtime: `node ${process.version}`,
      }
      const { serverVersion, failure } = options.client ? { serverVersion: undefined, failure: undefined } : await askServer(cli)
      const versions = { clientVersion, ...(serverVersion && { serverVersion }) }
      if (output) cli.print(output === 'json' ? toJson(versions) : `${toYaml(versions)}\n`)
      else {
        cli.print(`Client Version: ${clientVersion.gitVersion}\n`)
        if (serverVersion) cli.print(`Server Version: ${String(serverVersion.gitVersion)}\n`)
      }
      if (failure) throw failure
    })
  return withExamples(command, 'davit version\ndavit version --client -o json')
}

async function askServer(cli: Cli): Promise<{ serverVersion?: Record<string, unknown>; failure?: unknown }> {
  try {
    const session = await cli.session()
    return { serverVersion: (await session.api.request('GET', '/version')) as Record<string, unknown> }
  } catch (err) {
    if (err instanceof ApiError || err instanceof Error) return { failure: err }
    throw err
  }
}
