import type { Status } from '@davit/api'

/**
 * How a protocol tells a command's end on its error channel: since v4 as JSON, before as a sentence, and success by saying nothing.
 */
export function errorText(status: Status, protocol: string): string {
  const isSuccess = status.status === 'Success'
  if (!/^v[45]\./.test(protocol)) return isSuccess ? '' : (status.message ?? 'the command failed')
  return JSON.stringify(isSuccess ? { metadata: {}, status: 'Success' } : status)
}
