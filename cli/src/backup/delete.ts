import { openStore, parseArchiveName } from '@davit/api/backup'
import { type Cli, UsageError } from '../command-line/index.ts'
import { type StoreFlags, s3Options } from './options.ts'
import { readSchedule } from './schedule.ts'

/** `davit backup delete`. */
export async function deleteBackups(cli: Cli, names: readonly string[], flags: StoreFlags & { from?: string }): Promise<void> {
  for (const name of names) if (!parseArchiveName(name)) throw new UsageError(`"${name}" is not the name of an archive`)
  const store = await storeOf(cli, flags)
  const { signal } = new AbortController()
  const present = new Set((await store.list(signal)).map(({ name }) => name))
  for (const name of names) {
    if (!present.has(name)) throw new Error(`"${name}" is not in ${store.place}`)
    await store.delete(name, signal)
    cli.print(`${name} deleted\n`)
  }
}

async function storeOf(cli: Cli, flags: StoreFlags & { from?: string }) {
  if (flags.from) return openStore(flags.from, s3Options(cli, flags))
  const { to, s3 } = await readSchedule(cli)
  if (to.startsWith('s3://')) return openStore(to, s3)
  throw new UsageError(`the archives are in ${to} on the control plane's machine: delete them there`)
}
