/** Real SSH to the machines, by OpenSSH's client. */
import { readFile, writeFile } from 'node:fs/promises'
import { type CommandOptions, type CommandResult, command } from '@davit/deploy'
import type { MachineUser } from './provision.ts'
import { scratchFile } from './scratch.ts'

export interface TestbedKey {
  /** File with the private key, unencrypted. */
  privateKeyFile: string
  /** One line, as in authorized_keys. */
  publicKey: string
}

/** What one logs in to; with `behind`, through that one. */
export interface SshTarget {
  address: string
  user: MachineUser
  behind?: SshTarget | undefined
}

export interface SshOptions extends CommandOptions {
  /** Default: by key unless the user has none. */
  by?: 'key' | 'password'
}

let made: Promise<TestbedKey> | undefined

/** The key that opens the machines of this process; made at the first call. */
export function testbedKey(): Promise<TestbedKey> {
  made ??= makeKey()
  return made
}

async function makeKey(): Promise<TestbedKey> {
  const privateKeyFile = await scratchFile('id_ed25519')
  await command('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'testbed', '-f', privateKeyFile])
  await writeFile(await scratchFile('askpass'), '#!/bin/sh\nprintf "%s\\n" "$MACHINE_PASSWORD"\n', { mode: 0o700 })
  return { privateKeyFile, publicKey: (await readFile(`${privateKeyFile}.pub`, 'utf8')).trim() }
}

/** Runs `script` on the machine. Exit code 255 is SSH's own: no connection, or no login. */
export async function ssh(machine: SshTarget, script: string, { by, ...options }: SshOptions = {}): Promise<CommandResult> {
  const { privateKeyFile } = await testbedKey()
  const password = (by ?? (machine.user.key === false ? 'password' : 'key')) === 'password'
  const login = password ? ['-o', 'PreferredAuthentications=password', '-o', 'NumberOfPasswordPrompts=1'] : ['-i', privateKeyFile]
  const jump = machine.behind
    ? ['-o', `ProxyCommand=ssh ${[...COMMON, '-i', privateKeyFile].map(part => `'${part}'`).join(' ')} -W %h:%p ${target(machine.behind)}`]
    : []
  return command('ssh', [...COMMON, '-o', `BatchMode=${password ? 'no' : 'yes'}`, ...login, ...jump, target(machine), script], {
    ...options,
    env: {
      ...process.env,
      // OpenSSH takes a password from nobody but a terminal or a program.
      SSH_ASKPASS: await scratchFile('askpass'),
      SSH_ASKPASS_REQUIRE: 'force',
      MACHINE_PASSWORD: machine.user.password,
      ...options.env,
    },
  })
}

const target = ({ user, address }: SshTarget): string => `${user.name}@${address}`
const COMMON = ['-F', 'none'].concat(
  ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'IdentitiesOnly=yes', 'ConnectTimeout=5'].flatMap(
    option => ['-o', option],
  ),
)
