/** The network of the machines: a network namespace each, which lives from boot to power-off, on one bridge of this system. */
import { command, ensureHostBridge, type HostNetwork, removeHostBridge } from '@davit/deploy'
import { locked } from './lock.ts'

const NETWORK: HostNetwork = { prefix: 'davit-mach-', bridge: 'davit-mach', subnet: '10.204.0' }
const LOCK = '/run/lock/davit-mach'

/** What the machine with this index (from 1) is called on this system: its namespace, its link, its control groups. */
export const systemName = (index: number): string => `${NETWORK.prefix}${index}`

/** Address of the machine with this index. */
export const addressOf = (index: number): string => `${NETWORK.subnet}.${10 + index}`

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
    await command('ip', ['netns', 'add', name])
    await command('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    const inside = [`addr add ${addressOf(index)}/24 dev eth0`, 'link set eth0 up', 'link set lo up', `route add default via ${GATEWAY}`]
    await command('ip', ['-n', name, '-batch', '-'], { input: `${inside.join('\n')}\n` })
    if (sshFrom) {
      const rule = ['-t', 'raw', '-A', 'PREROUTING', '-i', 'eth0', '-p', 'tcp', '--dport', '22', '!', '-s', sshFrom, '-j', 'DROP']
      await command('nsenter', [`--net=/run/netns/${name}`, 'iptables', '-w', ...rule])
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

/** Removes the bridge and its rules if no machine is on it, of whatever process. */
export function removeUnusedBridge(): Promise<void> {
  return locked(LOCK, async () => {
    const ports = (await command('ip', ['-o', 'link', 'show', 'master', NETWORK.bridge], { allowFailure: true })).stdout
    if (ports.trim() === '') await removeHostBridge(NETWORK)
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
