import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { type CommandMaker, withExamples } from '../../command-line/index.ts'
import { loadImage } from './load-image.ts'

/** `davit image load`: an image onto every node, without a registry. */
export const image: CommandMaker = cli => {
  const load = withExamples(
    new Command('load')
      .summary('Put an image onto every node')
      .description(
        'Puts an image onto every node through the API, so that pods can use it without a registry. Takes an image of the local Docker, or an archive that "docker save" wrote.',
      )
      .argument('<image>', 'Name of an image of the local Docker, or a file ending in .tar.')
      .action(async (name: string) => {
        const { client } = await cli.session()
        const isFile = await stat(name).then(
          found => found.isFile(),
          () => false,
        )
        const nodes = isFile ? await loadImage(client, createReadStream(name), report) : await loadFromDocker(name)
        cli.print(`${name} is on ${nodes.length} node${nodes.length === 1 ? '' : 's'}: ${nodes.join(', ')}\n`)
      }),
    `
# An image that was just built here
docker build -t shop:1 . && davit image load shop:1

# An archive
davit image load shop.tar`,
  )
  const report = ({ node, status }: { node: string; status: string }) => {
    if (cli.stderr.isTTY) cli.warn(`${node}: ${status}\n`)
  }

  async function loadFromDocker(name: string): Promise<string[]> {
    const docker = spawn('docker', ['save', name], { stdio: ['ignore', 'pipe', 'pipe'] })
    const failed = new Promise<never>((_, reject) => {
      docker.once('error', error =>
        reject(new Error(`Cannot run "docker save ${name}": ${error.message}; is "${name}" meant to be a file?`)),
      )
      const said = text(docker.stderr)
      docker.once('close', async code => code !== 0 && reject(new Error(`Cannot save ${name}: ${(await said).trim()}`)))
    })
    const { client } = await cli.session()
    return Promise.race([failed, loadImage(client, docker.stdout, report)])
  }

  return new Command('image').summary('Put images onto the nodes').description('Works with the images on the nodes.').addCommand(load)
}
