/** The library's errors in the words of Kubernetes, whose library is another. */

/** An expression that cannot be read or whose types do not fit: `ERROR: <input>:1:6: undefined field 'x'`, with the line and a mark below it. */
export class CompileError extends Error {}

interface LibraryError {
  readonly code?: string
  readonly summary?: string
  readonly message: string
  readonly range?: { readonly start: number }
}

const FUNCTION = /^found no matching overload for '(?:(.+?)\.)?([A-Za-z_]\w*)\((.*)\)'$/
const BINARY = /^no such overload: (.+) (\S+) (.+)$/
const UNARY = /^no such overload: ([!-])(.+)$/

/** `knows`: whether there is a function of that name at all. */
export function compileError(error: unknown, text: string, knows: (name: string) => boolean): CompileError {
  const { code, summary, message, range } = error as LibraryError
  const words = compileWords(code ?? '', summary ?? message.split('\n')[0] ?? '', knows)
  const at = Math.min(range?.start ?? 0, text.length)
  const before = text.slice(0, at).split('\n')
  const column = before.at(-1)?.length ?? 0
  const line = text.split('\n')[before.length - 1] ?? ''
  return new CompileError(`ERROR: <input>:${before.length}:${column + 1}: ${words}\n | ${line}\n | ${'.'.repeat(column)}^`)
}

function compileWords(code: string, summary: string, knows: (name: string) => boolean): string {
  const name = summary.slice(summary.indexOf(': ') + 2)
  switch (code) {
    case 'unknown_variable':
      return `undeclared reference to '${name}' (in container '')`
    case 'no_such_key':
      return `undefined field '${name}'`
    case 'no_such_overload': {
      const [, left = '', operator = '', right = ''] = BINARY.exec(summary) ?? []
      if (operator)
        return `found no matching overload for '${operator === 'in' ? '@in' : `_${operator}_`}' applied to '(${typesOf(`${left}, ${right}`)})'`
      const [, sign = '', type = ''] = UNARY.exec(summary) ?? []
      return `found no matching overload for '${sign}_' applied to '(${typesOf(type)})'`
    }
    case 'no_matching_overload': {
      const [, receiver, called = '', types = ''] = FUNCTION.exec(summary) ?? []
      if (!knows(called)) return `undeclared reference to '${called}' (in container '')`
      return `found no matching overload for '${called}' applied to '${receiver ? `${typesOf(receiver)}.` : ''}(${typesOf(types)})'`
    }
    case 'unexpected_token':
      return `Syntax error: ${summary.replace('Unexpected token: EOF', "mismatched input '<EOF>'").replace('Unexpected token', 'unexpected token')}`
    default:
      return code.startsWith('invalid_') || code.startsWith('incompatible_') || code.startsWith('cannot_')
        ? summary
        : `Syntax error: ${summary}`
  }
}

function typesOf(text: string): string {
  return text.replace(/dyn<([^<>]+)>/g, '$1')
}

/** What went wrong when an expression ran. */
export function evaluationWords(error: unknown): string {
  const { code, summary, message } = error as LibraryError
  const text = summary ?? message.split('\n')[0] ?? ''
  switch (code) {
    case 'no_such_key':
      return text.replace(/^No such key/, 'no such key')
    case 'unknown_variable':
      return `no such attribute(s): ${text.slice(text.indexOf(': ') + 2)}`
    case 'index_out_of_bounds':
      return `index out of bounds: ${/index (-?\d+)/.exec(text)?.[1] ?? ''}`
    case 'no_such_overload':
    case 'no_matching_overload':
      return 'no such overload'
    case 'modulo_by_zero':
      return 'modulus by zero'
    default:
      return text
  }
}
