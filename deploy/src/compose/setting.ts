/** A value that `.env` holds, as compose files name it. */
export function setting(name: string): string {
  return `\${${name}}`
}
