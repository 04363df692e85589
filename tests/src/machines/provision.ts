/** What makes a copy of this system a fresh machine: what is hidden of this one, and what its first boot sets up. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'

export interface MachineUser {
  name: string
  /** Default `nopasswd`. */
  sudo?: 'nopasswd' | 'password' | 'none'
  /** For login over SSH and for sudo; left out: no password works. */
  password?: string
  /** Whether the testbed's key opens this account; default true. */
  key?: boolean
}

export interface Provision {
  name: string
  address: string
  user: MachineUser
  docker: 'running' | 'installed' | 'none'
  /** Contents of /etc/docker/daemon.json. */
  dockerConfig: Readonly<Record<string, unknown>>
  /** Added to what `date` says, in seconds. */
  clockOffset: number
  publicKey: string
}

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))

/** Folders that a new machine has empty, with their modes. */
const EMPTY: Readonly<Record<string, string>> = {
  '/root': '700',
  '/tmp': '1777',
  '/var/tmp': '1777',
  '/home': '755',
  '/mnt': '755',
  '/opt': '755',
  '/srv': '755',
  '/usr/local': '755',
  '/var/log': '755',
  '/etc/docker': '755',
}

/** Makes what a new machine must not have of this system disappear from an overlay whose upper layer is the empty folder `upper`. */
export async function hideOutside(upper: string): Promise<void> {
  const node = ['node', 'nodejs', 'npm', 'npx', 'corepack']
  const binaries = ['/usr/bin', '/bin', dirname(realpathSync(process.execPath))].flatMap(dir => node.map(name => join(dir, name)))
  const keys = (await readdir('/etc/ssh')).filter(name => name.startsWith('ssh_host_')).map(name => join('/etc/ssh', name))
  const own = [
    '/.dockerenv',
    '/usr/sbin/policy-rc.d',
    '/usr/lib/node_modules',
    '/var/lib/davit',
    '/etc/davit',
    REPOSITORY.replace(/\/$/, ''),
  ]
  const hidden = [...new Set([...Object.keys(EMPTY), ...binaries, ...keys, ...own])].filter(path => existsSync(path))
  for (const path of hidden) {
    // In a folder that is hidden already there is nothing left to hide, and a link to one is none itself.
    if (hidden.some(other => path.startsWith(`${other}/`)) || realpathSync(dirname(path)) !== dirname(path)) continue
    await mkdir(join(upper, dirname(path)), { recursive: true })
    // To overlayfs this device says that the layers below have no such file.
    await command('mknod', [join(upper, path), 'c', '0', '0'])
  }
}

/** Stands before runc where root lacks the capability to raise limits, as in some containers: runc refuses to hand on what it has not. */
const RUNC = `#!/bin/sh
# A privileged container asks for all capabilities; this takes out the one that root has not.
for argument; do
  case $previous in
    --bundle) file=$argument/config.json ;;
    --process) file=$argument ;;
  esac
  previous=$argument
done
[ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
exec /usr/sbin/runc.real "$@"`

/** Shell text for the first boot, run by root inside the machine. */
export function provisionScript(options: Provision): string {
  const { name, address, docker, dockerConfig, clockOffset } = options
  return [
    ...Object.entries(EMPTY).map(([dir, mode]) => `mkdir -p ${dir} && chmod ${mode} ${dir}`),
    'cd /usr/local && mkdir bin etc games include lib sbin share src',
    file('/etc/hostname', name),
    file('/etc/hosts', `127.0.0.1 localhost\n${address} ${name}`),
    // As the init script of Docker reads it: control groups are mounted already.
    file('/etc/fstab', 'cgroup /sys/fs/cgroup cgroup defaults 0 0'),
    // Where even root may not raise limits, as in some containers, a script that tries to goes on all the same.
    'mkdir -p /lib/lsb/init-functions.d',
    file('/lib/lsb/init-functions.d/99-machine', 'ulimit() { command ulimit "$@" 2>/dev/null || :; }'),
    'rm -f /etc/rc?.d/S* /etc/ssh/ssh_host_*',
    "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key",
    file('/etc/default/ssh', 'SSHD_OPTS="-E /var/log/sshd.log"'),
    enable('ssh'),
    file('/etc/docker/daemon.json', JSON.stringify(dockerConfig)),
    ...(docker === 'running' ? [enable('docker')] : []),
    ...(docker === 'none' ? ['rm -r /etc/docker', 'dpkg --purge --force-depends docker.io containerd runc'] : []),
    ...(docker !== 'none' && !mayRaiseLimits()
      ? ['mv /usr/sbin/runc /usr/sbin/runc.real', file('/usr/sbin/runc', RUNC), 'chmod 755 /usr/sbin/runc']
      : []),
    ...accountScript(options),
    ...(clockOffset !== 0
      ? [
          file('/usr/local/bin/date', `#!/bin/sh\nexec /bin/date -d "@$(($(/bin/date +%s) + ${clockOffset}))" "$@"`),
          'chmod 755 /usr/local/bin/date',
        ]
      : []),
  ].join('\n')
}

/** Whether this system's root has CAP_SYS_RESOURCE, the 24th. */
function mayRaiseLimits(): boolean {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${mask}`) & (1n << 24n)) !== 0n
}

function accountScript({ user, publicKey }: Provision): string[] {
  const home = user.name === 'root' ? '/root' : `/home/${user.name}`
  const script = user.name === 'root' ? [] : [`useradd --create-home --shell /bin/bash ${user.name}`]
  if (user.password !== undefined) script.push(`printf '%s\\n' ${quote(`${user.name}:${user.password}`)} | chpasswd`)
  if (user.name === 'root' && user.password !== undefined) script.push(file('/etc/ssh/sshd_config.d/root.conf', 'PermitRootLogin yes'))
  const rights = { nopasswd: 'NOPASSWD: ALL', password: 'ALL', none: undefined }[user.sudo ?? 'nopasswd']
  if (rights && user.name !== 'root') script.push(file(`/etc/sudoers.d/${user.name}`, `${user.name} ALL=(ALL:ALL) ${rights}`))
  if (user.key ?? true) {
    script.push(`mkdir -m 700 ${home}/.ssh`, file(`${home}/.ssh/authorized_keys`, publicKey), `chown -R ${user.name}: ${home}/.ssh`)
  }
  return script
}

const enable = (service: string): string => `ln -s ../init.d/${service} /etc/rc2.d/S01${service}`
const file = (path: string, text: string): string => `printf '%s\\n' ${quote(text)} >${path}`
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
