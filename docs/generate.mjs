#!/usr/bin/env node
/**
 * Writes the parts of the documentation that the programs themselves know: `docs/cli.md` from the commands, and the marked parts of
 * other pages. `--check` writes nothing and fails when something is out of date. Needs a build (`npm run build`).
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../', import.meta.url)
const check = process.argv.includes('--check')

const { createCli, createProgram } = await import(new URL('cli/dist/command-line/index.js', ROOT).href)
const { commandGroups } = await import(new URL('cli/dist/commands/index.js', ROOT).href)
const { conformancePage } = await import(new URL('tests/dist/conformance/page.js', ROOT).href)
const { kubectlPage } = await import(new URL('tests/dist/kubectl/page.js', ROOT).href)
const { apiVersionOf, KINDS } = await import(new URL('api/dist/index.js', ROOT).href)

const pages = [
  { path: 'docs/cli.md', text: () => cliPage() },
  {
    path: 'docs/configuration.md',
    text: before => replaceParts(before, { 'control-plane --help': helpOf('control-plane'), 'node-agent --help': helpOf('node-agent') }),
  },
  { path: 'docs/kubernetes-compatibility.md', text: before => replaceParts(before, { kinds: kindsTable() }) },
  { path: 'docs/conformance.md', text: () => conformancePage() },
  { path: 'docs/kubectl.md', text: () => kubectlPage() },
]

let stale = 0
for (const { path, text } of pages) {
  const file = fileURLToPath(new URL(path, ROOT))
  const before = readOr(file, '')
  const after = text(before)
  if (after === before) continue
  if (check) {
    stale++
    console.error(`${path} is out of date: run "npm run build && node docs/generate.mjs"`)
  } else {
    writeFileSync(file, after)
    console.log(`Wrote ${path}`)
  }
}
process.exitCode = stale > 0 ? 1 : 0

function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

/** Puts each text between `<!-- generated: NAME -->` and `<!-- end -->`. */
function replaceParts(page, parts) {
  for (const [name, text] of Object.entries(parts)) {
    const begin = `<!-- generated: ${name} -->\n`
    const start = page.indexOf(begin)
    const end = page.indexOf('<!-- end -->', start)
    if (start < 0 || end < 0) throw new Error(`Cannot find the part "${name}" to generate`)
    page = `${page.slice(0, start + begin.length)}\n${text}\n${page.slice(end)}`
  }
  return page
}

/** What a program of ours prints for `--help`, as a block. */
function helpOf(workspace) {
  const main = fileURLToPath(new URL(`${workspace}/dist/main.js`, ROOT))
  const text = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' })
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
}

function kindsTable() {
  const lines = KINDS.map(kind => {
    const shortNames = kind.shortNames.map(name => `\`${name}\``).join(', ')
    const subresources = kind.subresources.map(name => `\`${name}\``).join(', ')
    return `| ${kind.kind} | \`${apiVersionOf(kind)}\` | \`${kind.plural}\` | ${shortNames} | ${kind.namespaced ? 'yes' : 'no'} | ${subresources} |`
  })
  return [
    '| Kind | API version | Resource | Short names | In a namespace | Subresources |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n')
}

function cliPage() {
  const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() })
  const { cli } = createCli({ stdin: process.stdin, stdout: sink(), stderr: sink(), env: {}, afterDashes: undefined, flags: () => ({}) })
  const program = createProgram('')
  const groups = commandGroups('').map(({ heading, commands }) => ({
    heading: heading.replace(/:$/, ''),
    verbs: commands.map(make => make(cli)),
  }))
  for (const { verbs } of groups) for (const verb of verbs) program.addCommand(verb)
  const index = groups.flatMap(({ heading, verbs }) => [
    `| **${heading}** | |`,
    ...verbs.map(verb => `| [${verb.name()}](#${anchor(`davit ${verb.name()}`)}) | ${cell(summaryOf(verb))} |`),
  ])
  const parts = [
    '# CLI reference',
    '`davit` operates a cluster. Its verbs, flags, output and exit codes are those of kubectl, so what you know from there works here, and `kubectl` itself works as well. Its own verbs start and stop a cluster on this machine (`up`, `down`, `status`), set one up on machines of your own and take care of it (`init`, `node`, `token`, `certs`, `backup`, `recover`, `upgrade`), and bring images onto nodes (`image`). What it lacks of kubectl (`cp`, `debug`, `proxy` and others), `kubectl` itself does.',
    'In the repository it is run as `npx davit`, installed from its package as `davit`. This page is made from the commands themselves by `node docs/generate.mjs`; `davit VERB --help` prints the same.',
    ['| Verb | What it does |', '| --- | --- |', ...index].join('\n'),
    '## Which cluster',
    '`davit` reads the first kubeconfig there is of: `--kubeconfig`, the files in `$KUBECONFIG`, `$DAVIT_HOME/kubeconfig` (`~/.davit/kubeconfig` when `DAVIT_HOME` is not set), `~/.kube/config`.',
    '## Exit codes',
    '0: done. 1: something went wrong, and standard error says what. `exec` exits with the code of the command it ran.',
    '## Flags of every verb',
    flagsTable(program),
    ...groups.flatMap(({ verbs }) => verbs.flatMap(verb => section(verb, `davit ${verb.name()}`, 2))),
  ]
  return `${parts.filter(Boolean).join('\n\n')}\n`
}

/** Subcommands that help shows. */
function visible(command) {
  const own = command.createHelp()
  return own.visibleCommands(command).filter(child => child.name() !== 'help')
}

function section(command, path, level) {
  const children = visible(command)
  const usage = `${path} ${command.usage()}`.trim()
  const aliases =
    command.aliases().length > 0
      ? `Also: ${command
          .aliases()
          .map(alias => `\`${alias}\``)
          .join(', ')}.`
      : ''
  const parts = [
    `${'#'.repeat(level)} ${path}`,
    escapeMarkdown(command.description()),
    `\`\`\`text\n${usage}\n\`\`\``,
    aliases,
    argumentsTable(command),
    flagsTable(command),
    examplesOf(command),
  ]
  return [...parts, ...children.flatMap(child => section(child, `${path} ${child.name()}`, Math.min(level + 1, 4)))].filter(Boolean)
}

function argumentsTable(command) {
  const described = command.registeredArguments.filter(({ description }) => description)
  if (described.length === 0) return ''
  return ['| Argument | Meaning |', '| --- | --- |', ...described.map(each => `| \`${each.name()}\` | ${cell(each.description)} |`)].join(
    '\n',
  )
}

function flagsTable(command) {
  const help = command.createHelp()
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help')
  if (options.length === 0) return ''
  return [
    '| Flag | Meaning |',
    '| --- | --- |',
    ...options.map(option => `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(help.optionDescription(option))} |`),
  ].join('\n')
}

/** What `addHelpText` put after the flags. */
function examplesOf(command) {
  let printed = ''
  command.configureOutput({
    writeOut: text => {
      printed += text
    },
  })
  command.outputHelp()
  const at = printed.indexOf('\nExamples:\n')
  if (at < 0) return ''
  const text = printed
    .slice(at + '\nExamples:\n'.length)
    .replace(/^ {2}/gm, '')
    .trimEnd()
  return `Examples:\n\n\`\`\`text\n${text}\n\`\`\``
}

function summaryOf(command) {
  return command.summary() || (command.description().split('\n')[0] ?? '')
}

function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** Text of one table cell. */
function cell(text) {
  return escapeMarkdown(text)
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ')
}

/** Angle brackets outside of code would be taken for HTML. */
function escapeMarkdown(text) {
  return text.replace(/<(?=[a-z/])/gi, '&lt;')
}
