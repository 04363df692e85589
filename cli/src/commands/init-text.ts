/** What `davit init` says once it is done: what there is, what to keep safe, what comes next. */
import { join } from 'node:path'
import { apiServerOf, type InitResult, type Machine } from '@davit/deploy'

interface TextOptions {
  /** Name of the control plane that takes a lost one's place. */
  replaced?: string | undefined
}

const KEYS = ['pki', 'etcd-pki'] as const

/** The whole text; one line when nothing changed. */
export function describeInit(dir: string, result: InitResult, { replaced }: TextOptions = {}): string {
  const { config, machines, written, isNew, isCaOld } = result
  const note = isCaOld ? [oldCa(dir)] : []
  if (!isNew && written.length === 0) return [`${dir} is as asked for: nothing changed.\n`, ...note].join('\n')
  const sections = isNew
    ? [made(dir, result), backup(dir), start(dir, machines), use(dir, apiServerOf(config))]
    : [changed(dir, written), replaced === undefined ? apply(dir, machines) : replace(dir, result, replaced)]
  return [...sections, ...note].join('\n')
}

function oldCa(dir: string): string {
  return `The CA was changed since ${join(dir, 'secrets')} was written: admin.kubeconfig stays as it is. Bring the CA along:\n${commands([`davit certs sync --dir ${dir} --kubeconfig ${join(dir, 'admin.kubeconfig')}`])}`
}

function made(dir: string, { config, machines }: InitResult): string {
  const count = config.controlPlanes.length
  const where = machines.length === 1 ? `on ${machines[0]!.address}` : `on ${machines.length} machines`
  const losses = machines.length > 1 ? `; it goes on when ${(count - 1) / 2} of them ${count > 3 ? 'are' : 'is'} lost` : ''
  const folders = machines.map(machine => [
    join(machine.folder, 'compose.yaml'),
    `etcd and control plane on ${machine.address} (${machine.members.map(({ name }) => name).join(', ')})`,
  ])
  const rows = [
    ['cluster.yaml', 'what was asked for; no secrets'],
    ['admin.kubeconfig', "the administrator's access"],
    ['secrets/', 'the CAs, and the keys that sign tokens and encrypt Secrets'],
    ...folders,
  ]
  return `Made cluster "${config.name}" in ${dir}: ${count} control plane${count === 1 ? '' : 's'} ${where}${losses}.\n${table(rows)}`
}

function backup(dir: string): string {
  return `Keep a copy of ${join(dir, 'secrets')} in a safe place: whoever has it rules the cluster, and without it a backup of etcd cannot be read.\n`
}

function start(dir: string, machines: readonly Machine[]): string {
  const lines = machines.flatMap(machine => startCommands(dir, machine, 'sent'))
  const [first] = machines
  if (machines.length === 1 && !first?.ssh)
    return `Start it on ${first?.address}; if that is another machine, copy ${dir} there first:\n${commands(lines)}`
  return `Copy each folder to its machine, and start it there:\n${commands(lines)}`
}

function use(dir: string, server: string): string {
  const kubeconfig = join(dir, 'admin.kubeconfig')
  return `Then, with the API at ${server}:\n${commands([`export KUBECONFIG=${kubeconfig}`, 'davit get nodes', 'davit node add user@host ...'])}`
}

function changed(dir: string, written: readonly string[]): string {
  return `Changed in ${dir}: ${written.join(', ')}. Keys and data stay.\n`
}

function apply(dir: string, machines: readonly Machine[]): string {
  const lines = machines.flatMap(machine => startCommands(dir, machine, 'kept'))
  return `To make it so${machines.length > 1 ? ', one machine after the other' : ''}:\n${commands(lines)}`
}

function replace(dir: string, { machines }: InitResult, replaced: string): string {
  const isNew = (machine: Machine) => machine.members.some(({ name }) => name === replaced)
  const first = machines.filter(isNew).flatMap(machine => startCommands(dir, machine, 'sent where missing'))
  const others = machines.filter(machine => !isNew(machine)).flatMap(machine => startCommands(dir, machine, 'kept'))
  const rest = others.length > 0 ? `\nThen tell the others its address, one machine after the other:\n${commands(others)}` : ''
  return `Start the new ${replaced}: it takes the lost one's place in etcd by itself, and the lost one can never come back.\n${commands(first)}${rest}`
}

/** Where containers have run, the keys are theirs by now, and newer. */
type Keys = 'sent' | 'sent where missing' | 'kept'

function startCommands(dir: string, { folder, address, ssh }: Machine, keys: Keys): string[] {
  const local = join(dir, folder)
  if (folder === '' && ssh === undefined) return [`cd ${local} && docker compose up -d`]
  const [, host = ssh ?? address, port] = /^(.*):(\d+)$/.exec(ssh ?? address) ?? []
  const kept = [...(folder === '' ? ['secrets', 'admin.kubeconfig'] : []), ...(keys === 'kept' ? KEYS : [])]
  const without = (names: readonly string[]) => names.map(name => `--exclude=./${name}`).join(' ')
  const pack = ['tar', '-C', local, ...(kept.length > 0 ? [without(kept)] : []), '-cf', '-', '.'].join(' ')
  const unpack = `tar -xf -${keys === 'sent where missing' ? ` $(test -d ${KEYS[0]} && echo ${without(KEYS)})` : ''}`
  const login = ['ssh', ...(port ? ['-p', port] : []), host].join(' ')
  return [`${pack} | ${login} 'mkdir -p davit && cd davit && ${unpack} && docker compose up -d'`]
}

function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length))
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(width)}  ${text}\n`).join('')
}

function commands(lines: readonly string[]): string {
  return lines.map(line => `  ${line}\n`).join('')
}
