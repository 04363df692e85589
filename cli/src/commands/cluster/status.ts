import { type HttpClient, nodeCondition, nodeKind, type Pod, podKind } from '@davit/api'
import { connectHome, homeAt, readClusterState, runningParts } from '@davit/deploy'
import { Command } from 'commander'
import { type CommandMaker, ExitError, withExamples } from '../../command-line/index.ts'

/** `davit status`: what of the cluster on this machine runs, and how it is. Exit code 1 when something that should run does not. */
export const status: CommandMaker = cli =>
  withExamples(
    new Command('status')
      .summary('Show how the cluster on this machine is')
      .description('Shows what of the cluster that "davit up" started on this machine runs, and whether API, nodes and pods are well.')
      .action(async () => {
        const home = homeAt()
        const state = await readClusterState(home)
        if (!state) throw new ExitError(1, `There is no cluster in ${home.dir}. Start one:  npm run up`)
        const parts = await runningParts(home)
        cli.print(`Home:       ${home.dir}\n`)
        cli.print(`Processes:  ${parts.map(({ name, pid }) => `${name} (${pid})`).join(', ') || 'none'}\n`)
        if (!parts.some(part => part.name === 'control-plane'))
          throw new ExitError(1, 'The control plane does not run. Start it:  npm run up')
        const client = await connectHome(home)
        try {
          cli.print(await describe(client))
        } finally {
          await client.close()
        }
      }),
    `
davit status`,
  )

async function describe(client: HttpClient): Promise<string> {
  const ready = await client.raw({ method: 'GET', path: '/readyz', signal: AbortSignal.timeout(5_000) })
  ready.body.resume()
  const nodes = (await client.resource(nodeKind).list()).items
  const pods = (await client.resource(podKind).list()).items
  const lines = [`API:        ${ready.status === 200 ? 'ready' : `not ready (HTTP ${ready.status})`}`]
  for (const [index, node] of nodes.entries()) {
    const condition = nodeCondition(node, 'Ready')
    const address = node.status?.addresses?.find(each => each.type === 'InternalIP')?.address ?? ''
    const said = condition?.status === 'True' ? 'Ready' : `NotReady: ${condition?.message ?? 'not reported yet'}`
    lines.push(`${index === 0 ? 'Nodes:     ' : '           '} ${node.metadata.name} ${address} ${said}`)
  }
  lines.push(`Pods:       ${summarize(pods)}`)
  return `${lines.join('\n')}\n`
}

/** `3 Running, 1 Pending` */
function summarize(pods: readonly Pod[]): string {
  const counts = new Map<string, number>()
  for (const pod of pods) counts.set(pod.status?.phase ?? 'Unknown', (counts.get(pod.status?.phase ?? 'Unknown') ?? 0) + 1)
  return [...counts].map(([phase, count]) => `${count} ${phase}`).join(', ') || 'none'
}
