import { type HttpClient, podKind, resourcePath } from '@davit/api'

const EXEC_MS_MAX = 30_000
const STDOUT = 1
const STDERR = 2
const ERROR = 3

export interface ExecRequest {
  namespace: string
  name: string
  container: string
  command: readonly string[]
}

export interface ExecResult {
  /** -1 when it did not run to an end. */
  code: number
  stdout: string
  stderr: string
}

/** Runs a program over a WebSocket, as `v4.channel.k8s.io`: each message is a channel number and bytes; channel 3 ends with a Status. */
export async function execInPod(client: HttpClient, { namespace, name, container, command }: ExecRequest): Promise<ExecResult> {
  const path = resourcePath(podKind, { namespace, name }, 'exec')
  const query = { command: [...command], container, stdout: true, stderr: true }
  const signal = AbortSignal.timeout(EXEC_MS_MAX)
  const socket = await client.openWebSocket(path, query, ['v4.channel.k8s.io'], { signal })
  const channels: Record<number, Buffer[]> = { [STDOUT]: [], [STDERR]: [], [ERROR]: [] }
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => channels[data[0] ?? 0]?.push(data.subarray(1)))
    socket.on('error', reject)
    socket.on('close', () => {
      const textOf = (channel: number) => Buffer.concat(channels[channel] ?? []).toString()
      resolve({ code: exitCode(textOf(ERROR)), stdout: textOf(STDOUT), stderr: textOf(STDERR) })
    })
  })
}

/** What the Status at the end of an exec says. */
function exitCode(status: string): number {
  if (status === '') return -1
  const { status: outcome, details } = JSON.parse(status) as {
    status: string
    details?: { causes?: { reason: string; message: string }[] }
  }
  if (outcome === 'Success') return 0
  return Number(details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message ?? -1)
}
