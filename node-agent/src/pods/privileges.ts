import { readFileSync } from 'node:fs'

const CAP_SYS_RESOURCE = 24n

/**
 * True when this machine lets root raise limits and protect processes from the OOM killer (CAP_SYS_RESOURCE). Some virtual
 * machines and containers that hold Docker do not, and every start that asks for it would fail. The daemon is taken to have what we have.
 */
export function canRaiseLimits(status = readFileSync('/proc/self/status', 'utf8')): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return effective !== undefined && (BigInt(`0x${effective}`) & (1n << CAP_SYS_RESOURCE)) !== 0n
}
