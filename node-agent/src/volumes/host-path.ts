import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import type { HostPathVolumeSource } from '@davit/api'

/** Makes or checks what a hostPath volume's type asks for; throws in Kubernetes' words. */
export async function prepareHostPath({ path, type: kind = '' }: HostPathVolumeSource): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  switch (kind) {
    case '':
      // Docker's bind mounts want their source to exist; Kubernetes without a type leaves that to the runtime, which makes a directory.
      if (!found) await mkdir(path, { recursive: true, mode: 0o755 })
      return
    case 'DirectoryOrCreate':
      if (!found) await mkdir(path, { recursive: true, mode: 0o755 })
      else if (!found.isDirectory()) throw fails(path, 'a directory')
      return
    case 'FileOrCreate':
      if (!found) {
        await writeFile(path, '', { flag: 'a', mode: 0o644 })
        await chmod(path, 0o644)
      } else if (!found.isFile()) throw fails(path, 'a file')
      return
    case 'Directory':
      if (!found?.isDirectory()) throw fails(path, 'a directory')
      return
    case 'File':
      if (!found?.isFile()) throw fails(path, 'a file')
      return
    case 'Socket':
      if (!found?.isSocket()) throw fails(path, 'a socket file')
      return
    case 'CharDevice':
      if (!found?.isCharacterDevice()) throw fails(path, 'a character device')
      return
    case 'BlockDevice':
      if (!found?.isBlockDevice()) throw fails(path, 'a block device')
      return
    default:
      kind satisfies never
  }
}

function fails(path: string, wanted: string): Error {
  return new Error(`hostPath type check failed: ${path} is not ${wanted}`)
}
