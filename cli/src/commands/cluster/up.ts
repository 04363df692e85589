import { apiPort, bringUp, homeAt } from '@davit/deploy'
import { Command } from 'commander'
import { type CommandMaker, integerOption, UsageError, withExamples } from '../../command-line/index.ts'
import { applyDemo, callDemo, loadDemoImage, waitForDemo } from './demo.ts'
import { Steps } from './steps.ts'

interface UpFlags {
  nodes?: number
  demo: boolean
  nodeCpu?: string
  nodeMemory?: string
}

/** `davit up`: a cluster on this machine, and a demo that answers. */
export const up: CommandMaker = cli =>
  withExamples(
    new Command('up')
      .summary('Start a cluster on this machine')
      .description(
        "Starts a cluster on this machine: the control plane with its etcd, and an agent on this machine's Docker, or on several Docker hosts made for it. Run again, it starts what does not run and leaves the rest alone.",
      )
      .option(
        '--nodes <n>',
        'Make this many Docker hosts on this machine, each in a network namespace, and an agent beside each.',
        integerOption('--nodes'),
      )
      .option('--no-demo', 'Do not deploy the demo.')
      .option('--node-cpu <quantity>', 'CPUs each node reports, such as 2 or 500m. (what Docker reports)')
      .option('--node-memory <quantity>', 'Memory each node reports, such as 2Gi. (what Docker reports)')
      .action(async (flags: UpFlags) => {
        if (flags.nodes !== undefined && (flags.nodes < 1 || flags.nodes > 50))
          throw new UsageError(`--nodes is ${flags.nodes}: want 1 to 50`)
        const steps = new Steps(cli)
        const home = homeAt()
        try {
          const { nodes, client, server } = await bringUp({
            home,
            port: apiPort(),
            report: line => steps.begin(line),
            ...(flags.nodes !== undefined && { nodes: flags.nodes }),
            ...(flags.nodeCpu && { nodeCpu: flags.nodeCpu }),
            ...(flags.nodeMemory && { nodeMemory: flags.nodeMemory }),
          })
          try {
            if (!flags.demo) {
              steps.done()
              cli.print(`\nThe cluster runs: ${nodes.length} node${nodes.length === 1 ? '' : 's'}, API at ${server}\n`)
              cli.print(`Kubeconfig: ${home.kubeconfig}\nTry:  npx davit get nodes\n`)
              return
            }
            steps.begin('Loading the demo image onto every node')
            await loadDemoImage(client)
            steps.begin('Applying deploy/examples/hello.yaml')
            await applyDemo(client)
            steps.begin('Waiting for the demo')
            const replicas = await waitForDemo(client, (ready, wanted) =>
              steps.update(`Waiting for the demo: ${ready} of ${wanted} replicas ready`),
            )
            const { url, answers } = await callDemo(
              nodes.map(node => node.address),
              replicas,
            )
            steps.done()
            cli.print(`\n${url} answers, from all ${replicas} replicas:\n${answers.map(answer => `  ${answer}\n`).join('')}`)
            cli.print(`\nTry next:\n  curl ${url}\n  npx davit get pods -o wide\n  npx davit scale deployment hello --replicas=5\n`)
          } finally {
            await client.close()
          }
        } catch (error) {
          steps.failed()
          throw error
        }
      }),
    `
# A cluster on this machine's Docker, with a demo that answers
davit up

# Three Docker hosts on this one machine, each reporting 2 CPUs
davit up --nodes 3 --node-cpu 2

# Only the cluster
davit up --no-demo`,
  )
