import type { DocumentOptions, ScalarTag, SchemaOptions, Tags } from 'yaml'

const FLOAT = 'tag:yaml.org,2002:float'
const TIMESTAMP = 'tag:yaml.org,2002:timestamp'

/** YAML as Kubernetes' own decoder reads it: version 1.1, without its base-60 numbers and dates, which stay text. */
export const KUBERNETES_YAML: DocumentOptions & SchemaOptions = { version: '1.1', customTags: adapt }

function adapt(tags: Tags): Tags {
  return tags.flatMap((tag): Tags => {
    if (typeof tag === 'string') return [tag]
    // `- "22:22"` written without quotes is text.
    if (tag.tag === TIMESTAMP || ('format' in tag && tag.format === 'TIME')) return []
    // The library takes a dot alone, as in `ls .`, for a number.
    const isTooWide = tag.tag === FLOAT && 'test' in tag && tag.test?.test('.')
    return isTooWide ? [{ ...tag, test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/ } as ScalarTag] : [tag]
  })
}
