/**
 * Directories the agent makes for provisioned volumes. Beside each lies a marker (`.<name>.davit`), never inside, since databases want
 * an empty directory: it says whose the directory is, and that it was made, so that a lost one is told and not replaced by an empty one.
 */
import { chmod, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, normalize } from 'node:path'
import type { PersistentVolume } from '@davit/api'
import { ignoreMissing } from './missing.ts'

export const PROVISIONER = 'davit.dev/local'
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'

export interface Marker {
  readonly clusterId: string
  readonly volume: string
  readonly uid: string
  readonly state: 'making' | 'made'
}

export function isProvisioned({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[PROVISIONED_BY] === PROVISIONER
}

/** Where the volume's directory may be, or why it may not. Pure. */
export function provisionedPath({ metadata, spec }: PersistentVolume): string {
  const path = spec.local?.path ?? ''
  // Its own name last, so that nothing which holds other things can ever be taken for it.
  if (!path.startsWith('/') || path.endsWith('/') || normalize(path) !== path || basename(path) !== metadata.name || dirname(path) === '/')
    throw new Error(`path "${path}" cannot be that of the provisioned volume "${metadata.name}"`)
  return path
}

function markerPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.davit`)
}

export async function readMarker(path: string): Promise<Marker | undefined> {
  const text = await readFile(markerPath(path), 'utf8').catch(ignoreMissing)
  return text === undefined ? undefined : (JSON.parse(text) as Marker)
}

/** Makes the directory when it is needed for the first time. Throws when it was there before and is lost, or is another cluster's. */
export async function makeProvisioned(volume: PersistentVolume, clusterId: string): Promise<void> {
  const path = provisionedPath(volume)
  const marker = await readMarker(path)
  const found = await lstat(path).catch(ignoreMissing)
  if (marker && marker.clusterId !== clusterId) throw new Error(`path "${path}" belongs to a volume of another cluster`)
  if (found && !found.isDirectory()) throw new Error(`path "${path}" is not a directory`)
  if (found && marker?.state === 'made') return
  if (marker?.state === 'made')
    throw new Error(`path "${path}" does not exist, although it was made for this volume before: its data is lost or its disk is missing`)
  const own = { clusterId, volume: volume.metadata.name ?? '', uid: volume.metadata.uid ?? '' }
  await mkdir(dirname(path), { recursive: true, mode: 0o711 })
  await writeMarker(path, { ...own, state: 'making' })
  await mkdir(path, { recursive: true })
  if (!found || marker) await chmod(path, 0o777)
  await writeMarker(path, { ...own, state: 'made' })
}

export async function removeMarker(path: string): Promise<void> {
  await rm(markerPath(path), { force: true })
}

/** On the disk before it resolves: what it says decides over data. */
async function writeMarker(path: string, marker: Marker): Promise<void> {
  const target = markerPath(path)
  const file = await open(`${target}.new`, 'w', 0o600)
  try {
    await file.writeFile(JSON.stringify(marker))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(`${target}.new`, target)
}
