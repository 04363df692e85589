/** Users' regular expressions: RE2's syntax, in time that grows with the text and never faster. */
import { RE2JS } from 're2js'

const COMPILED = new Map<string, RE2JS>()
/** Patterns kept compiled; the oldest goes. */
const COMPILED_MAX = 2000

/** Whether `text` has a match somewhere. Throws Error when the pattern is none. */
export function matchesPattern(pattern: string, text: string): boolean {
  return compilePattern(pattern).test(text)
}

/** Throws Error in RE2's words. */
export function compilePattern(pattern: string): RE2JS {
  let compiled = COMPILED.get(pattern)
  if (!compiled) {
    compiled = RE2JS.compile(pattern)
    if (COMPILED.size >= COMPILED_MAX) COMPILED.delete(COMPILED.keys().next().value as string)
    COMPILED.set(pattern, compiled)
  }
  return compiled
}
