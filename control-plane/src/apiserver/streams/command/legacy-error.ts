import type { Status } from '@davit/api'

/** How protocols before v4 tell a command's end: a sentence, or nothing for success. */
export function legacyError({ status, message = '' }: Status): string {
  return status === 'Success' ? '' : message
}
