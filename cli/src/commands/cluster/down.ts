import { bringDown, homeAt, readClusterState } from '@davit/deploy'
import { Command } from 'commander'
import { type CommandMaker, withExamples } from '../../command-line/index.ts'
import { Steps } from './steps.ts'

/** `davit down`: stops what `davit up` started. */
export const down: CommandMaker = cli =>
  withExamples(
    new Command('down')
      .summary('Stop the cluster on this machine')
      .description(
        'Stops the cluster that "davit up" started on this machine. No process, namespace, bridge, route, mount or iptables rule of it is left. What it stored stays, and the next "davit up" goes on with it.',
      )
      .option('--purge', 'Also remove what it stored: objects, certificates, volumes, images of its own Docker hosts.')
      .action(async ({ purge = false }: { purge?: boolean }) => {
        const home = homeAt()
        const state = await readClusterState(home)
        if (!state && !purge) {
          cli.print(`There is no cluster in ${home.dir}.\n`)
          return
        }
        const steps = new Steps(cli)
        try {
          await bringDown({ home, purge, report: line => steps.begin(line) })
          steps.done()
        } catch (error) {
          steps.failed()
          throw error
        }
        cli.print(
          purge ? '\nThe cluster is gone.\n' : `\nThe cluster is stopped; its data stays in ${home.dir}. "npm run up" goes on with it.\n`,
        )
      }),
    `
# Stop, and keep the data
davit down

# Remove everything
davit down --purge`,
  )
