/** What an upgrade came from, beside `cluster.yaml`: the way back. */
import { join } from 'node:path'
import { readText, replaceFile } from '@davit/api/pki'
import { z } from 'zod'

const schema = z.object({ from: z.string(), to: z.string(), images: z.object({ from: z.string(), to: z.string() }) })

export type UpgradeRecord = Readonly<z.infer<typeof schema>>

const fileOf = (dir: string) => join(dir, 'upgrade.json')

/** Undefined when this cluster was never upgraded from here. Throws when the file cannot be read. */
export async function readRecord(dir: string): Promise<UpgradeRecord | undefined> {
  const text = await readText(fileOf(dir))
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`Cannot read ${fileOf(dir)}: it is damaged; without it there is no --rollback. Remove it to go on.`, { cause })
  }
}

/** Replaces it whole. */
export async function writeRecord(dir: string, record: UpgradeRecord): Promise<void> {
  await replaceFile(fileOf(dir), `${JSON.stringify(record, undefined, 2)}\n`)
}
