/** What the agent on a machine said, from the journal or from its file. */
import type { SshHost } from '../ssh/index.ts'

const LOG_FILE = '/var/log/davit-node-agent.log'

/** A shell command that prints the log's end, and what follows when asked. */
export function logCommand({
  tail,
  follow = false,
  sinceSeconds,
}: {
  tail: number | undefined
  follow?: boolean
  sinceSeconds?: number | undefined
}): string {
  const lines = tail === undefined ? 'all' : String(tail)
  const since = sinceSeconds === undefined ? '' : ` --since "@$(($(date +%s) - ${Math.ceil(sinceSeconds)}))"`
  return `if [ -d /run/systemd/system ]; then exec journalctl -u davit-node-agent --no-pager -o cat -n ${lines}${since}${follow ? ' -f' : ''}
else exec tail -n ${tail ?? '+1'} ${follow ? '-F ' : ''}${LOG_FILE} 2>/dev/null; fi`
}

interface Entry {
  level?: number
  time?: number
  msg?: string
  err?: { message?: string }
}

/** The last thing of weight it said after `afterMs` of its own clock, for a person; empty when there is nothing. */
export async function lastWords(host: SshHost, afterMs = 0): Promise<{ text: string; isFatal: boolean; timeMs: number }> {
  const { stdout } = await host.run(logCommand({ tail: 30 }), { sudo: true, timeoutMs: 10_000 }).catch(() => ({ stdout: '' }))
  const entries = stdout
    .trim()
    .split('\n')
    .map(entryOf)
    .filter(({ time }) => time === undefined || time > afterMs)
  const worst = entries.findLast(({ level = 0 }) => level >= 40) ?? entries.at(-1) ?? {}
  return { text: sayEntry(worst), isFatal: (worst.level ?? 0) >= 60, timeMs: Math.max(0, ...entries.map(({ time = 0 }) => time)) }
}

/** Milliseconds since the epoch at which a line was written; undefined for one that is no entry. */
export function timeOf(line: string): number | undefined {
  return entryOf(line).time
}

function entryOf(line: string): Entry {
  try {
    return JSON.parse(line) as Entry
  } catch {
    return { msg: line }
  }
}

function sayEntry({ msg = '', err }: Entry): string {
  return err?.message && err.message !== msg ? `${msg}: ${err.message}` : msg
}
