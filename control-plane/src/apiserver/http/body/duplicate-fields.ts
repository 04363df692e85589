/** Fields that a JSON text has more than once in one object: its parser keeps the last and says nothing. */

interface Level {
  /** Of an object; an array has none. */
  readonly keys: Set<string> | undefined
  /** Where the object or array is. */
  readonly path: string
  /** What is read now: the field, or the index. */
  at: string | number
  /** In an object: the next string is a key. */
  wantsKey: boolean
}

const REPORTED_MAX = 100
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Paths such as `spec.containers[0].image`, in the order found, at most 100. The text must have been parsed without error. */
export function duplicateFields(json: Buffer): string[] {
  const found = new Set<string>()
  const levels: Level[] = []
  for (let i = 0; i < json.length && found.size < REPORTED_MAX; i++) {
    const level = levels.at(-1)
    switch (json[i]) {
      case QUOTE: {
        const end = endOfString(json, i)
        if (level?.keys && level.wantsKey) {
          const key = keyIn(json, i, end)
          if (level.keys.has(key)) found.add(childOf(level.path, key))
          level.keys.add(key)
          level.at = key
          level.wantsKey = false
        }
        i = end
        break
      }
      case 0x7b: // {
      case 0x5b: {
        const path = level ? childOf(level.path, level.at) : ''
        const isObject = json[i] === 0x7b
        levels.push({ keys: isObject ? new Set() : undefined, path, at: 0, wantsKey: isObject })
        break
      }
      case 0x7d: // }
      case 0x5d:
        levels.pop()
        break
      case 0x2c: // ,
        if (level?.keys) level.wantsKey = true
        else if (level) level.at = Number(level.at) + 1
    }
  }
  return [...found]
}

/** Where the quote stands that ends the string which begins at `start`. */
function endOfString(json: Buffer, start: number): number {
  let i = start + 1
  while (i < json.length && json[i] !== QUOTE) i += json[i] === BACKSLASH ? 2 : 1
  return i
}

function keyIn(json: Buffer, start: number, end: number): string {
  const text = json.toString('utf8', start + 1, end)
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
}

function childOf(path: string, at: string | number): string {
  if (typeof at === 'number') return `${path}[${at}]`
  return path ? `${path}.${at}` : at
}
