import { open } from 'node:fs/promises'
import type { Container } from '@davit/api'
import type { ContainerInfo, Docker } from '../docker/index.ts'

const MESSAGE_BYTES_MAX = 4096
const LOG_LIMITS = { lines: 80, bytes: 2048 }

/** What an ended container left as its last words: its termination log, or its output's end where that is asked for. Never throws. */
export async function terminationMessage(
  info: ContainerInfo,
  spec: Container,
  { docker, path }: { docker: Docker; path: string },
): Promise<string> {
  const written = await head(path)
  if (written || spec.terminationMessagePolicy !== 'FallbackToLogsOnError' || info.exitCode === 0) return written
  return docker.logTail(info.id, LOG_LIMITS).catch(() => '')
}

async function head(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MESSAGE_BYTES_MAX), 0, MESSAGE_BYTES_MAX, 0)
      return buffer.subarray(0, bytesRead).toString()
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}
