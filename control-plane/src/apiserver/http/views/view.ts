/**
 * How objects are shown: whole, as metadata only, or as table rows. Whole objects go out as the bytes storage holds; a view
 * never parses what it can copy.
 */
import { apiVersionOf, type Kind } from '@davit/api'
import type { AnswerForm } from '../negotiation/accept.ts'
import { metadataOf } from './metadata.ts'
import { tableView } from './table.ts'
import type { View, ViewOptions } from './types.ts'

export function viewOf(kind: Kind, form: AnswerForm, options: ViewOptions): View {
  if (form.as === 'Table') return tableView(kind, form.version, options)
  if (form.as) return metadataView(form.version)
  return wholeView(kind)
}

function bookmarkMetadata(revision: number, initialEventsEnd: boolean): string {
  const annotations = initialEventsEnd ? ',"annotations":{"k8s.io/initial-events-end":"true"}' : ''
  return `{"resourceVersion":"${revision}"${annotations}}`
}

function wholeView(kind: Kind): View {
  const apiVersion = apiVersionOf(kind)
  return {
    isWhole: true,
    single: stored => stored.bytes,
    open: metadata =>
      `{"kind":"${kind.custom?.listKind ?? `${kind.kind}List`}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
    item: stored => stored.bytes,
    close: ']}\n',
    bookmark: (revision, end) => `{"kind":"${kind.kind}","apiVersion":"${apiVersion}","metadata":${bookmarkMetadata(revision, end)}}`,
  }
}

function metadataView(version: AnswerForm['version']): View {
  const apiVersion = `meta.k8s.io/${version}`
  return {
    single: stored => metadataOf(stored.object, version),
    open: metadata => `{"kind":"PartialObjectMetadataList","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
    item: stored => metadataOf(stored.object, version),
    close: ']}\n',
    bookmark: (revision, end) =>
      `{"kind":"PartialObjectMetadata","apiVersion":"${apiVersion}","metadata":${bookmarkMetadata(revision, end)}}`,
  }
}
