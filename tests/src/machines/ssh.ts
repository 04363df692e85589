/** Real SSH to the machines, by OpenSSH's client. */
import { rmSync } from 'node:fs'
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandOptions, type CommandResult, command } from '@davit/deploy'
import type { Machine } from './machine.ts'

export interface TestbedKey {
  /** File with the private key, unencrypted. */
  privateKeyFile: string
  /** One line, as in authorized_keys. */
  publicKey: string
  /** A folder for this process, gone when it ends. */
  dir: string
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
  const dir = await mkdtemp(join(tmpdir(), 'davit-testbed-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const privateKeyFile = join(dir, 'id_ed25519')
  await command('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'testbed', '-f', privateKeyFile])
  // OpenSSH takes a password from nobody but a terminal or a program.
  await writeFile(join(dir, 'askpass'), '#!/bin/sh\nprintf "%s\\n" "$MACHINE_PASSWORD"\n')
  await chmod(join(dir, 'askpass'), 0o700)
  return { privateKeyFile, publicKey: (await readFile(`${privateKeyFile}.pub`, 'utf8')).trim(), dir }
}

/** Runs `script` on the machine. Exit code 255 is SSH's own: no connection, or no login. */
export async function ssh(machine: Machine, script: string, { by, ...options }: SshOptions = {}): Promise<CommandResult> {
  const { privateKeyFile, dir } = await testbedKey()
  const password = (by ?? (machine.user.key === false ? 'password' : 'key')) === 'password'
  const login = password ? ['-o', 'PreferredAuthentications=password', '-o', 'NumberOfPasswordPrompts=1'] : ['-i', privateKeyFile]
  const jump = machine.behind
    ? ['-o', `ProxyCommand=ssh ${[...COMMON, '-i', privateKeyFile].map(part => `'${part}'`).join(' ')} -W %h:%p ${target(machine.behind)}`]
    : []
  return command('ssh', [...COMMON, '-o', `BatchMode=${password ? 'no' : 'yes'}`, ...login, ...jump, target(machine), script], {
    ...options,
    env: {
      ...process.env,
      SSH_ASKPASS: join(dir, 'askpass'),
      SSH_ASKPASS_REQUIRE: 'force',
      MACHINE_PASSWORD: machine.user.password,
      ...options.env,
    },
  })
}

const target = ({ user, address }: Machine): string => `${user.name}@${address}`
const COMMON = [
  '-F',
  'none',
  '-o',
  'StrictHostKeyChecking=no',
  '-o',
  'UserKnownHostsFile=/dev/null',
  '-o',
  'LogLevel=ERROR',
  '-o',
  'IdentitiesOnly=yes',
  '-o',
  'ConnectTimeout=5',
]
