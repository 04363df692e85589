import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where everything of a cluster on this machine lives; `$DAVIT_HOME`, by default `~/.davit`. */
export interface Home {
  readonly dir: string
  /** The administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly logs: string
  /** Pid files of what runs in the background. */
  readonly run: string
  /** Docker hosts made by `up --nodes N`. */
  readonly hosts: string
  /** Agents' state, one folder a node. */
  readonly agents: string
}

/** The layout below `dir`; nothing is created. */
export function homeAt(dir: string = process.env.DAVIT_HOME || join(homedir(), '.davit')): Home {
  const at = (...parts: string[]) => join(resolve(dir), ...parts)
  return { dir: at(), kubeconfig: at('kubeconfig'), logs: at('logs'), run: at('run'), hosts: at('hosts'), agents: at('agents') }
}

/** The API's port: `$DAVIT_PORT`, by default 6443. */
export function apiPort(): number {
  const text = process.env.DAVIT_PORT
  if (!text) return 6443
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`Cannot use DAVIT_PORT "${text}": want a port from 1 to 65535`)
  return port
}
