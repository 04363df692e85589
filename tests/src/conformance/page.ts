import { type Coverage, coverage } from './registry.ts'

const AREAS: Readonly<Record<string, string>> = {
  'sig-node': 'Node',
  'sig-storage': 'Storage',
  'sig-instrumentation': 'Instrumentation',
}

/** docs/conformance.md: every behaviour, and the test that shows it or the reason why none does. */
export function conformancePage(): string {
  const all = coverage()
  const areas = [...new Set(all.map(({ area }) => area))]
  const tableOfContents = areas.map(area => `- [${titleOf(area)}](#${titleOf(area).toLowerCase()})`)
  return `${[
    '# Conformance',
    'What Kubernetes’ conformance tests require of a cluster, in our own words, and the test of ours that shows it. Each test runs on real Docker hosts, through the real API, ' +
      'etcd and agents; it is named after its row. `since` is the Kubernetes release that began to require it.',
    '```bash\nnode --test tests/dist/conformance/conformance.system.test.js                                # all\nDAVIT_CONFORMANCE=emptyDir node --test tests/dist/conformance/conformance.system.test.js    # rows with that text\n```',
    'This page is made from the tests by `node docs/generate.mjs`. A row without a link to a test says why.',
    ['| Area | Rows | Shown by a test | Not yet |', '| --- | --- | --- | --- |', ...areas.map(area => countRow(all, area))].join('\n'),
    tableOfContents.join('\n'),
    ...areas.flatMap(area => [`## ${titleOf(area)}`, table(all.filter(each => each.area === area))]),
  ].join('\n\n')}\n`
}

function titleOf(area: string): string {
  return AREAS[area] ?? area
}

function countRow(all: readonly Coverage[], area: string): string {
  const rows = all.filter(each => each.area === area)
  const shown = rows.filter(({ reason }) => reason === undefined).length
  return `| ${titleOf(area)} | ${rows.length} | ${shown} | ${rows.length - shown} |`
}

function table(rows: readonly Coverage[]): string {
  const lines = rows.map(({ row, since, file, reason }) => {
    const shown = reason ?? `[${file}](../tests/src/conformance/cases/${file}.ts)`
    return `| ${cell(row)} | ${since} | ${cell(shown)} |`
  })
  return ['| Behaviour | Since | Test |', '| --- | --- | --- |', ...lines].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/<(?=[a-z/])/gi, '&lt;')
}
