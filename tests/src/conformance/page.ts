import { type Coverage, coverage } from './registry.ts'

const AREAS: Readonly<Record<string, string>> = {
  'sig-api-machinery': 'API machinery',
  'sig-apps': 'Apps',
  'sig-architecture': 'Architecture',
  'sig-auth': 'Access',
  'sig-cli': 'Command line',
  'sig-instrumentation': 'Instrumentation',
  'sig-network': 'Network',
  'sig-node': 'Node',
  'sig-scheduling': 'Scheduling',
  'sig-storage': 'Storage',
}

/** docs/conformance.md: every behaviour, and the test that shows it or the reason why none does. */
export function conformancePage(): string {
  const all = coverage()
  const areas = [...new Set(all.map(({ area }) => area))]
  const tableOfContents = areas.map(area => `- [${titleOf(area)}](#${titleOf(area).toLowerCase().replaceAll(' ', '-')})`)
  return `${[
    '# Conformance',
    'What Kubernetes’ conformance tests require of a cluster, in our own words, and the test of ours that shows it, which is named after its row. `since` is the Kubernetes ' +
      'release that began to require it. Rows with `hosts` run on real Docker hosts, through the real API, etcd and agents; rows with `API` need no node and run against ' +
      'a control plane with its controllers on a real etcd.',
    'Of Node, Storage and Instrumentation all rows are here; of the other areas those that need no running container.',
    '```bash\nnode --test tests/dist/conformance/conformance.system.test.js                                # all with hosts\nnode --test tests/dist/conformance/conformance.etcd.test.js                                  # all with API\nDAVIT_CONFORMANCE=emptyDir node --test tests/dist/conformance/conformance.system.test.js    # rows with that text\n```',
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
  const lines = rows.map(({ row, since, on = '', file, reason }) => {
    const shown = reason ?? `[${file}](../tests/src/conformance/cases/${file}.ts)`
    return `| ${cell(row)} | ${since} | ${reason ? '' : on} | ${cell(shown)} |`
  })
  return ['| Behaviour | Since | On | Test |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/<(?=[a-z/])/gi, '&lt;')
}
