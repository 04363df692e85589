/**
 * The node agent's program. The agent starts it again as its smaller processes, which outlive it or run elsewhere, so each of them
 * loads its own part only: the whole agent would cost a data plane 40 MB.
 */
import type { Mode } from './own-program.ts'

const MODES: Readonly<Record<Mode, (args: readonly string[]) => Promise<unknown>>> = {
  'data-plane': async args => (await import('./data-plane/index.ts')).serveDataPlane(args),
  'port-dialer': async () => (await import('./port-dialer.ts')).servePortDialer(),
}

const args = process.argv.slice(2)
const mode = args[0] as Mode
if (Object.hasOwn(MODES, mode)) void MODES[mode](args)
else void import('./agent-main.ts').then(({ serveAgent }) => serveAgent(args))
