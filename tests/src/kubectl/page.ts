import { isFor, type VerbCase } from './case.ts'
import { VERBS, VERSIONS } from './verbs.ts'

/** docs/kubectl.md: every verb, what is shown of it, and with which kubectl. */
export function kubectlPage(): string {
  const byVerb = new Map<string, VerbCase[]>()
  for (const each of VERBS) byVerb.set(each.verb, [...(byVerb.get(each.verb) ?? []), each])
  const header = ['Verb', 'What is shown', ...VERSIONS.map(version => `1.${version}`)]
  return `${[
    '# kubectl',
    'What each verb of kubectl is shown to do, with real kubectl binaries old and new against a cluster of real Docker hosts. Each row is a table of commands with what ' +
      'they must print; a test fails when one prints something else. ✓: all of it is shown with that version; –: that kubectl does not know it.',
    '```bash\nnpm run build\nnode --test tests/dist/kubectl-verbs.long.test.js                                           # all, with each version\nDAVIT_KUBECTL_VERSION=33 DAVIT_KUBECTL=create node --test tests/dist/kubectl-verbs.long.test.js   # verbs that begin so, with one\n```',
    'This page is made from the tests by `node docs/generate.mjs`.',
    'Not shown: `explain --output=plaintext-openapiv2` (1.27 to 1.33) finds nothing, for OpenAPI version 2 is served whole as JSON only; `explain` itself uses version 3.',
    [row(header), row(header.map(() => '---')), ...[...byVerb].map(([verb, cases]) => rowOf(verb, cases))].join('\n'),
  ].join('\n\n')}\n`
}

function rowOf(verb: string, cases: readonly VerbCase[]): string {
  const shown = cases.map(({ what, since, partly }) => {
    const notes = [since && `from 1.${since}`, partly].filter(Boolean).join('; ')
    return notes ? `${what} (${notes})` : what
  })
  const marks = VERSIONS.map(version => (cases.some(each => isFor(each, version)) ? '✓' : '–'))
  return row([`\`${verb}\``, shown.join('. '), ...marks])
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
