import { type InitAnswers, initCluster } from '@davit/deploy'
import { Command } from 'commander'
import { initFromBackup } from '../backup/init-from-backup.ts'
import { type CommandMaker, integerOption, listOption, withExamples } from '../command-line/index.ts'
import { describeInit } from './init-text.ts'

interface Flags {
  controlPlane?: string[]
  replicas?: number
  name?: string
  port?: number
  tlsSan?: string[]
  podCidr?: string
  serviceCidr?: string
  balancer?: boolean
  balancerPort?: number
  imageRegistry?: string
  ssh?: string[]
  replace?: string
  fromBackup?: string
  passphraseFile?: string
  keyFile?: string
}

const BALANCER_PORT = 8443

/** `davit init`: a directory with all that a control plane on machines of your own needs. */
export const initCommand: CommandMaker = cli =>
  withExamples(
    new Command('init')
      .summary('Make the compose files and keys of a new cluster')
      .description(
        'Makes a directory with the compose files, keys and certificates of a control plane, for one machine or for three or five. ' +
          'Run again, it adds what is asked for and keeps keys and data.',
      )
      .usage('[DIR] --control-plane ADDRESS[,ADDRESS...] [flags]')
      .argument('[dir]', 'Directory to make.', './davit')
      .option('--control-plane <address>', 'ADDRESS or NAME=ADDRESS[:PORT] of each control plane. May be repeated.', listOption)
      .option('--replicas <n>', '1, 3 or 5 control planes on the one address. (1)', integerOption('--replicas'))
      .option('--name <name>', "The cluster's name. (davit)")
      .option('--port <port>', 'Port of the API. (6443)', integerOption('--port'))
      .option('--tls-san <name>', 'A further host name or address of the API. May be repeated.', listOption)
      .option('--pod-cidr <range>', 'Addresses of pods. (10.244.0.0/16)')
      .option('--service-cidr <range>', 'Addresses of Services. (10.96.0.0/12)')
      .option('--balancer', 'A balancer on each machine, in front of all control planes.')
      .option('--balancer-port <port>', `Port of the balancer. (${BALANCER_PORT})`, integerOption('--balancer-port'))
      .option('--image-registry <prefix>', 'Where all images are pulled from, such as registry.example.com/davit.')
      .option('--ssh <target>', 'user@host of each control plane, in their order, or NAME=user@host. May be repeated.', listOption)
      .option('--replace <name>', 'NAME or NAME=NEWADDRESS of a control plane whose machine or data is lost.')
      .option('--from-backup <archive>', 'Go on where the cluster of this archive was, with its keys and objects.')
      .option('--passphrase-file <file>', 'File with the passphrase of the archive.')
      .option('--key-file <file>', 'File with the key of the archive.')
      .action(async (dir: string, { fromBackup, passphraseFile, keyFile, ...flags }: Flags) => {
        const secret = { ...(passphraseFile !== undefined && { passphraseFile }), ...(keyFile !== undefined && { keyFile }) }
        const result = fromBackup
          ? await initFromBackup(cli, dir, answersOf(flags), { fromBackup, ...secret })
          : await initCluster(dir, answersOf(flags), { clock: cli.clock })
        cli.print(describeInit(dir, result, { replaced: flags.replace?.split('=')[0] }))
      }),
    `
# A control plane on one machine
davit init --control-plane 10.0.0.11

# Three machines, any one of which may be lost
davit init --control-plane 10.0.0.11,10.0.0.12,10.0.0.13 --ssh admin@10.0.0.11,admin@10.0.0.12,admin@10.0.0.13

# Three control planes on one machine, with a balancer in front
davit init --control-plane 10.0.0.11 --replicas 3 --balancer

# The machine of cp-2 is lost: 10.0.0.14 takes its place
davit init --replace cp-2=10.0.0.14

# Everything is lost but a backup: the cluster goes on at other addresses
davit init restored --from-backup davit-….backup --control-plane 10.0.1.11,10.0.1.12,10.0.1.13`,
  )

function answersOf({ controlPlane, tlsSan, balancer, balancerPort, ...flags }: Flags): InitAnswers {
  const port = balancerPort ?? (balancer ? BALANCER_PORT : undefined)
  return {
    ...flags,
    ...(controlPlane && { controlPlanes: controlPlane }),
    ...(tlsSan && { tlsSans: tlsSan }),
    ...(port !== undefined && { balancerPort: port }),
  }
}
