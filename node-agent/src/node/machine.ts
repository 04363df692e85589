/** What only the machine itself can tell. Every question has an answer, if need be an empty one. */
import { access, constants, readdir, readFile } from 'node:fs/promises'
import { formatQuantity } from '@davit/api'

export interface MachineIds {
  machineId: string
  systemUuid: string
  bootId: string
}

export async function readIds(): Promise<MachineIds> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim()
  const machineId = (await read('/etc/machine-id')) || (await read('/var/lib/dbus/machine-id'))
  return {
    machineId,
    systemUuid: (await read('/sys/class/dmi/id/product_uuid')) || machineId,
    bootId: await read('/proc/sys/kernel/random/boot_id'),
  }
}

/** Pages of memory set aside, by the kernel's name of the resource: bytes. */
export async function readHugePages(): Promise<Record<string, number>> {
  const names = await readdir(HUGE_PAGES).catch(() => [])
  const sizes = names.flatMap(name => /^hugepages-(\d+)kB$/.exec(name)?.[1] ?? [])
  const found = await Promise.all(
    sizes.map(async kibibytes => {
      const count = await readFile(`${HUGE_PAGES}/hugepages-${kibibytes}kB/nr_hugepages`, 'utf8').catch(() => '0')
      const bytes = Number(kibibytes) * 1024
      return [`hugepages-${formatQuantity(bytes, 'BinarySI')}`, Number(count) * bytes] as const
    }),
  )
  return Object.fromEntries(found)
}

const HUGE_PAGES = '/sys/kernel/mm/hugepages'

/** Why nothing can be written to `path`, as when its disk failed and was mounted read-only; undefined when that is not known. */
export async function whyNotWritable(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK)
    return undefined
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code === 'EROFS') return `the file system of ${path} is read-only`
    return code === 'EIO' ? `the disk of ${path} fails` : undefined
  }
}
