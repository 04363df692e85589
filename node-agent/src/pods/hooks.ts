import type { Clock, Container, LifecycleHandler } from '@davit/api'
import type { Docker } from '../docker/index.ts'
import { httpGet, tcpSocket } from './handlers.ts'

/** Runs a lifecycle hook to its end or until `signal`; rejects with what went wrong. */
export async function runHook(
  { exec, httpGet: get, tcpSocket: tcp, sleep }: LifecycleHandler,
  {
    docker,
    clock,
    id,
    container,
    address,
    timeoutMs,
    signal,
  }: { docker: Docker; clock: Clock; id: string; container: Container; address: string; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const target = { container, address, timeoutMs, signal }
  if (sleep) return clock.sleep(Math.min(timeoutMs, sleep.seconds * 1000), signal)
  if (get || tcp) {
    const { ok, message, isAnswered } = get ? await httpGet(get, target) : await tcpSocket(tcp ?? { port: 0 }, target)
    // As in a kubelet, which looks at the status of probes only.
    if (!ok && !isAnswered) throw new Error(message)
    return
  }
  const command = exec?.command ?? []
  const { exitCode, output, timedOut } = await docker.exec(id, command, { timeoutMs, signal })
  if (timedOut) throw new Error(`command '${command.join(' ')}' did not end within ${timeoutMs / 1000} s`)
  if (exitCode !== 0) throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${output}`)
}
