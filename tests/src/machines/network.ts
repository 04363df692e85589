/** The network of the machines: a network namespace each, which lives from boot to power-off, on one bridge of this system. */
import { command, ensureHostBridge, type HostNetwork, removeHostBridge } from '@davit/deploy'
import { locked } from './lock.ts'

const NETWORK: HostNetwork = { prefix: 'davit-mach-', bridge: 'davit-mach', subnet: '10.204.0' }
const LOCK = '/run/lock/davit-mach'

/** What the machine with this index (from 1) is called on this system: its namespace, its link, its control groups. */
export const systemName = (index: number): string => `${NETWORK.prefix}${index}`

/** Address of the machine with this index. */
export const addressOf = (index: number): string => `${NETWORK.subnet}.${10 + index}`

const hardwareAddress = (index: number): string => `02:da:71:00:00:${index.toString(16).padStart(2, '0')}`

/** This system's address for the machines. */
export const GATEWAY = `${NETWORK.subnet}.1`

/**
 * Gives the machine a new network namespace, linked to the bridge, which is made if it is not there. With `sshFrom` its SSH port answers that
 * address only, as behind the firewall of a cloud.
 */
export function attach(index: number, { sshFrom }: { sshFrom?: string } = {}): Promise<void> {
  const name = systemName(index)
  return locked(LOCK, async () => {
    await ensureHostBridge(NETWORK)
    // Without one of its own the bridge takes the least of its ports' addresses, which changes when a machine goes.
    await command('ip', ['link', 'set', NETWORK.bridge, 'address', hardwareAddress(0)])
    await command('ip', ['netns', 'add', name])
    await command('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    // A machine that booted again has the card it had: others need not notice.
    const inside = [
      `link set eth0 address ${hardwareAddress(index)}`,
      `addr add ${addressOf(index)}/24 dev eth0`,
      'link set eth0 up',
      'link set lo up',
      `route add default via ${GATEWAY}`,
    ]
    await command('ip', ['-n', name, '-batch', '-'], { input: `${inside.join('\n')}\n` })
    if (sshFrom) {
      const rule = ['-t', 'raw', '-A', 'PREROUTING', '-i', 'eth0', '-p', 'tcp', '--dport', '22', '!', '-s', sshFrom, '-j', 'DROP']
      await inNetwork(index, 'iptables', '-w', ...rule)
    }
    await connect(index)
  })
}

/** Takes the machine's link and namespace away, whether or not they are whole. */
export async function detach(index: number): Promise<void> {
  const name = systemName(index)
  await command('ip', ['link', 'del', name], { allowFailure: true })
  await command('ip', ['netns', 'del', name], { allowFailure: true })
}

/** Removes the bridge and its rules if there is no machine left to use it, of whatever process. */
export function removeUnusedBridge(): Promise<void> {
  return locked(LOCK, async () => {
    // By name, for a machine whose network is cut is not on the bridge, and will be again.
    const links = (await command('ip', ['-o', 'link', 'show', 'type', 'veth'])).stdout
    if (!links.includes(` ${NETWORK.prefix}`)) await removeHostBridge(NETWORK)
  })
}

/** Plugs the machine into the bridge. */
export async function connect(index: number): Promise<void> {
  await command('ip', ['link', 'set', systemName(index), 'master', NETWORK.bridge, 'up'])
}

/** Unplugs it: packets vanish, and the machine sees nothing of it, as when a switch has failed. */
export async function disconnect(index: number): Promise<void> {
  await command('ip', ['link', 'set', systemName(index), 'nomaster'])
}

/** Makes packets between the machine and `address` vanish, or lets them through again. */
export async function setCut(index: number, address: string, change: 'add' | 'remove'): Promise<void> {
  const verb = change === 'add' ? '-I' : '-D'
  for (const rule of [
    ['PREROUTING', '-s', address],
    ['OUTPUT', '-d', address],
  ])
    await inNetwork(index, 'iptables', '-w', '-t', 'raw', verb, ...rule, '-j', 'DROP')
}

function inNetwork(index: number, file: string, ...args: readonly string[]) {
  return command('nsenter', [`--net=/run/netns/${systemName(index)}`, file, ...args])
}
