import type { Readable } from 'node:stream'
import { type ManifestObject, parseManifests, readManifests } from '../manifests/index.ts'
import { collect, throwCollected } from '../resources/index.ts'
import type { Session } from '../session/index.ts'
import { type ApplyOptions, type ApplyResult, applyObject } from './apply-object.ts'

/** Files, folders, URLs or `-`; or the text of a manifest and what to call it in messages. */
export type ManifestSource = { files: readonly string[]; recursive?: boolean; stdin?: Readable } | { text: string; name?: string }

export interface ApplyManifestsOptions extends ApplyOptions {
  /** Only objects for which this holds. */
  filter?: (manifest: ManifestObject) => boolean
  /** Told each result as it comes. */
  onResult?: (result: ApplyResult) => void
}

/**
 * Applies all objects of the manifests in their order, as `kubectl apply` does. Goes on past failures and throws them at the
 * end: one as it is, several as an AggregateError. Nothing is sent when a manifest cannot be read.
 */
export async function applyManifests(
  session: Session,
  source: ManifestSource,
  options: ApplyManifestsOptions = {},
): Promise<ApplyResult[]> {
  const manifests = await manifestsOf(source)
  const chosen = options.filter ? manifests.filter(options.filter) : manifests
  if (chosen.length === 0) throw new Error('no objects passed to apply')
  const results: ApplyResult[] = []
  const failures: unknown[] = []
  for (const manifest of chosen) {
    await collect(failures, async () => {
      const result = await applyObject(session, manifest, options)
      results.push(result)
      options.onResult?.(result)
    })
  }
  throwCollected(failures)
  return results
}

async function manifestsOf(source: ManifestSource): Promise<ManifestObject[]> {
  if ('text' in source) return parseManifests(source.text, source.name ?? 'manifest')
  return readManifests(source.files, { recursive: source.recursive ?? false, stdin: source.stdin ?? process.stdin })
}
