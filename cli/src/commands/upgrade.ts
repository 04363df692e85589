import { basename, join } from 'node:path'
import { DAVIT_VERSION, parseDuration } from '@davit/api'
import type { InitResult } from '@davit/deploy'
import { Command } from 'commander'
import { createBackup } from '../backup/create.ts'
import { type Cli, withExamples } from '../command-line/index.ts'
import { loadKubeconfig, resolveConnection } from '../kubeconfig/index.ts'
import { agentFiles, checkUpgrade, findNode, machineOf, upgradeNode } from '../nodes/index.ts'
import { openSession } from '../session/index.ts'
import { Connections } from '../ssh/index.ts'
import { runUpgrade } from '../upgrade/index.ts'
import { Steps } from './cluster/steps.ts'
import { describeInit } from './init-text.ts'
import { connect, prompterOf, SSH_NOTE, type SshFlags, withSsh } from './node/ssh-flags.ts'

interface Options extends SshFlags {
  to?: string
  dir: string
  image?: string
  agent?: string
  rollback?: boolean
  dryRun?: boolean
  skipNodes?: boolean
  /** Commander's name for `--no-backup`. */
  backup: boolean
  backupTo?: string
  passphraseFile?: string
  keyFile?: string
  timeout: string
}

/** `davit upgrade`: the whole cluster to another version, one part after the other. */
export function upgradeClusterCommand(cli: Cli): Command {
  const command = new Command('upgrade')
    .description(
      'Bring every control plane and every node to another version, one after the other, each only when the one before is healthy. ' +
        `Containers run on meanwhile. It stops where something fails; the same command goes on, --rollback goes back. ${SSH_NOTE}`,
    )
    .option('--to <version>', `Version to go to. (${DAVIT_VERSION}, that of this command)`)
    .option('--dir <dir>', 'Directory that "davit init" made.', './davit')
    .option('--image <image>', "The control planes' image. (the present one with the version as its tag)")
    .option('--agent <file>', "The agent's executable. (the one that comes with davit)")
    .option('--rollback', 'Go back to the version before.')
    .option('--dry-run', 'Check, pull the image where it is missing, and say what would be done.')
    .option('--skip-nodes', 'Leave all agents as they are: where they are containers, or machines have no SSH.')
    .option('--backup-to <place>', 'Where the backup goes that is made first: a folder or s3://bucket/prefix. (DIR/backups)')
    .option('--passphrase-file <file>', 'File with the passphrase of that backup.')
    .option('--key-file <file>', 'File with a key of 32 bytes for it.')
    .option('--no-backup', 'Make none.')
    .option('--timeout <duration>', 'How long each part may take to be healthy with its new version.', '2m')
    .action((options: Options) => upgrade(cli, options))
  return withExamples(
    withSsh(command),
    'davit upgrade --dry-run\ndavit upgrade --to=0.2.0 --passphrase-file=passphrase\ndavit upgrade --rollback',
  )
}

async function upgrade(cli: Cli, options: Options): Promise<void> {
  const { dir, rollback: isRollback = false, timeout, to: target = DAVIT_VERSION } = options
  const kubeconfig = cli.flags.kubeconfig ?? join(dir, 'admin.kubeconfig')
  const { namespace: _, ...connection } = await resolveConnection(await loadKubeconfig(kubeconfig, cli.env), cli.flags)
  const session = openSession(connection)
  const timeoutMs = parseDuration(timeout)
  const steps = new Steps(cli)
  const ssh = { ...options, prompter: prompterOf(cli), note: (line: string) => cli.warn(`${line}\n`) }
  const agents = agentFiles({ file: options.agent, env: cli.env })
  const connections = new Connections((machine, jump) => connect(cli, machine, { ...(jump && { jump }), ...ssh }))
  /** Undefined for a node that is there no more. */
  const hostOf = async (name: string) => {
    const node = await findNode(session.client, name)
    if (!node) return undefined
    const { target: machine, jump } = machineOf(node)
    return connections.to(machine, jump)
  }
  try {
    const result = await runUpgrade({
      dir,
      target,
      ...(options.image && { image: options.image }),
      isRollback,
      isDryRun: options.dryRun ?? false,
      skipsNodes: options.skipNodes ?? false,
      client: session.client,
      credentials: connection,
      clock: cli.clock,
      timeoutMs,
      connect: machine => connections.to(machine),
      async checkNode(name, version) {
        const host = await hostOf(name)
        if (host) await checkUpgrade({ host, agents: isRollback ? undefined : agents, version })
      },
      async backUp() {
        if (!options.backup) return
        const { passphraseFile, keyFile, backupTo = `${join(dir, 'backups')}/` } = options
        const inSession: Cli = { ...cli, flags: cli.flags, session: async () => session }
        await createBackup(inSession, { to: backupTo, ...(passphraseFile && { passphraseFile }), ...(keyFile && { keyFile }) })
      },
      async upgradeNode(name, version) {
        const host = await hostOf(name)
        if (!host) return
        const agent = isRollback ? undefined : await agents.of((await host.demand('ask for the processor', 'uname -m')).trim())
        const report = { step: (text: string) => steps.update(`Node ${name}: ${text}`), detail: () => {}, note: ssh.note }
        await upgradeNode({ client: session.client, clock: cli.clock, nodeName: name, host, agent, version, timeoutMs }, report)
      },
      progress: steps,
      print: text => cli.print(text),
    })
    if (result && isForMachines(result)) cli.print(`This version makes some files of the machines anew. ${describeInit(dir, result)}`)
  } finally {
    await connections.close()
    session.close()
  }
}

/** The image was noted on the machines already; anything else they know nothing of yet. */
function isForMachines({ written, isCaOld }: InitResult): boolean {
  return isCaOld || written.some(path => ['compose.yaml', 'haproxy.cfg'].includes(basename(path)))
}
