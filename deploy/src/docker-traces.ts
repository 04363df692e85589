/** What a dockerd leaves in the kernel when it stops: its bridge, its chains, a policy and a mount. */
import { readFile } from 'node:fs/promises'
import { command } from './command.ts'

const TABLES = ['nat', 'filter', 'raw'] as const

/** How things were before a dockerd started here. */
export interface TracesBefore {
  hadBridge: boolean
  forwardPolicy: string
}

export async function observeTraces(): Promise<TracesBefore> {
  const bridge = await command('ip', ['link', 'show', 'docker0'], { allowFailure: true })
  const rules = await command('iptables', ['-w', '-S', 'FORWARD'], { allowFailure: true })
  return { hadBridge: bridge.code === 0, forwardPolicy: /^-P FORWARD (\w+)/m.exec(rules.stdout)?.[1] ?? 'ACCEPT' }
}

/** Brings things back to how they were, unless a Docker had been here before ours. */
export async function removeTraces({ hadBridge, forwardPolicy }: TracesBefore): Promise<void> {
  if (hadBridge) return
  for (const table of TABLES) await removeChains(table)
  await command('iptables', ['-w', '-P', 'FORWARD', forwardPolicy], { allowFailure: true })
  await command('ip', ['link', 'del', 'docker0'], { allowFailure: true })
  const mounts = await readFile('/proc/self/mounts', 'utf8')
  if (mounts.includes(' /var/lib/docker ')) await command('umount', ['-l', '/var/lib/docker'], { allowFailure: true })
}

/** Rules that lead to Docker's chains or name its bridge, then the chains themselves. */
async function removeChains(table: string): Promise<void> {
  const listed = await command('iptables', ['-w', '-t', table, '-S'], { allowFailure: true })
  const lines = listed.stdout.split('\n')
  for (const line of lines.filter(each => each.startsWith('-A ') && /DOCKER|docker0/.test(each))) {
    await command('iptables', ['-w', '-t', table, '-D', ...line.split(' ').slice(1)], { allowFailure: true })
  }
  for (const chain of lines.flatMap(line => /^-N (DOCKER\S*)/.exec(line)?.slice(1) ?? [])) {
    await command('iptables', ['-w', '-t', table, '-F', chain], { allowFailure: true })
    await command('iptables', ['-w', '-t', table, '-X', chain], { allowFailure: true })
  }
}
