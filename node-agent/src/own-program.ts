import { isSea } from 'node:sea'
import { fileURLToPath } from 'node:url'

/** What this program is besides the agent: smaller processes that the agent starts, each of which loads only what it needs. */
export type Mode = 'data-plane' | 'port-dialer'

/** Young objects die young in all of them: a small nursery costs little time and keeps memory low. Megabytes. The executable has it built in. */
const NODE_FLAGS = ['--max-semi-space-size=2']

/** Program and arguments that start this very program again as `mode`, be it one executable or Node with a file. */
export function ownProgram(mode: Mode): string[] {
  if (isSea()) return [process.execPath, mode]
  return [process.execPath, ...NODE_FLAGS, fileURLToPath(new URL('./main.js', import.meta.url)), mode]
}
