import { Command } from 'commander'
import type { Cli } from '../../command-line/index.ts'
import { addCommand } from './add.ts'
import { removeCommand } from './remove.ts'
import { listCommand, logsCommand, sshCommand } from './shell.ts'
import { upgradeCommand } from './upgrade.ts'

/** `davit node`. */
export function nodeCommand(cli: Cli): Command {
  const command = new Command('node').description('Bring machines into the cluster and take care of them, over SSH.')
  for (const make of [addCommand, removeCommand, upgradeCommand, sshCommand, logsCommand, listCommand]) command.addCommand(make(cli))
  return command
}
