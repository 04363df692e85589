/** Bodies of protobuf: envelopes that are right, with messages of random fields, and broken ones. */

export interface Dice {
  chance(probability: number): boolean
  /** From 0 to below `max`. */
  count(max: number): number
  pick<T>(values: readonly T[]): T
}

const MAGIC = Buffer.from('k8s\0')

/** Field 1 of the envelope names what field 2 holds. */
export function randomProtobuf(
  dice: Dice,
  { apiVersion, kind, texts }: { apiVersion: string; kind: string; texts: readonly string[] },
): Buffer {
  const typeMeta = Buffer.concat([bytesField(1, Buffer.from(apiVersion)), bytesField(2, Buffer.from(kind))])
  const raw = message(dice, texts, 5)
  const body = Buffer.concat([MAGIC, bytesField(1, typeMeta), bytesField(2, raw)])
  if (!dice.chance(0.1)) return body
  const broken = Buffer.from(body)
  broken[dice.count(broken.length)] = dice.count(256)
  return dice.chance(0.5) ? broken : broken.subarray(0, dice.count(broken.length))
}

function message(dice: Dice, texts: readonly string[], depth: number): Buffer {
  return Buffer.concat(Array.from({ length: dice.count(6) }, () => field(dice, texts, depth)))
}

function field(dice: Dice, texts: readonly string[], depth: number): Buffer {
  const number = 1 + dice.count(dice.chance(0.9) ? 12 : 40)
  const what = dice.count(10)
  // Mostly what most fields are: messages and texts.
  if (what < 5 && depth > 0) return bytesField(number, message(dice, texts, depth - 1))
  if (what < 8) return bytesField(number, Buffer.from(dice.pick(texts)))
  if (what === 8) return Buffer.concat([varint(number * 8), varint(dice.chance(0.9) ? dice.count(1000) : 2 ** 52)])
  return Buffer.concat([varint(number * 8 + dice.pick([1, 5, 3, 4])), Buffer.alloc(dice.pick([4, 8]), dice.count(256))])
}

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  while (left >= 128) {
    bytes.push((left % 128) + 128)
    left = Math.floor(left / 128)
  }
  return Buffer.from([...bytes, left])
}
