export interface Failpoint {
  effect: 'kill' | 'error' | 'pause'
  /** At which pass it fails, counted from 1. */
  pass: number
}

/** Reads `name=effect[:pass],…`; throws on anything else, for a test whose fault never happens would pass. */
export function failpoints(text: string): ReadonlyMap<string, Failpoint> {
  const found = new Map<string, Failpoint>()
  for (const part of text.split(',').filter(Boolean)) {
    const [, name, effect, pass = '1'] = /^([\w.-]+)=(kill|error|pause)(?::([1-9]\d*))?$/.exec(part) ?? []
    if (!name || !effect) throw new Error(`Cannot read the failpoint "${part}", wanted NAME=kill, error or pause, and :PASS`)
    found.set(name, { effect: effect as Failpoint['effect'], pass: Number(pass) })
  }
  return found
}
