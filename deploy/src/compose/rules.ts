/** What must hold between the fields of a cluster's configuration, one rule each, in the words its user reads. */
import { BlockList } from 'node:net'
import type { ClusterConfig } from './config.ts'

type Rule = (config: ClusterConfig) => string[]

const RULES: readonly Rule[] = [countIsOdd, namesDiffer, addressesAreUsable, machinesAreAlike, rangesAreApart, portsAreApart]

/** Everything that is wrong; nothing for a configuration that can be used. */
export function findProblems(config: ClusterConfig): string[] {
  return RULES.flatMap(rule => rule(config))
}

function countIsOdd({ controlPlanes: { length } }: ClusterConfig): string[] {
  if ([1, 3, 5].includes(length)) return []
  const why =
    length % 2 === 0
      ? `etcd goes on while more than half of its members live, so ${length} bear no more losses than ${length - 1}, and have one more machine to lose`
      : 'each write waits for more members, and no more losses are likely'
  return [`there are ${length} control planes: want 1, 3 or 5 (${why})`]
}

function namesDiffer({ controlPlanes }: ClusterConfig): string[] {
  return repeated(controlPlanes.map(({ name }) => name)).map(name => `two control planes are named "${name}": want names that differ`)
}

function addressesAreUsable({ controlPlanes, networks: { podCidr, serviceCidr } }: ClusterConfig): string[] {
  const addresses = [...new Set(controlPlanes.map(({ address }) => address))]
  return addresses.flatMap(address => {
    if (contains('127.0.0.0/8', address) || address === '0.0.0.0')
      return [`control plane address ${address} is this machine's own: want one at which nodes and other machines reach it`]
    const range = [podCidr, serviceCidr].find(candidate => contains(candidate, address))
    return range ? [`control plane address ${address} lies in ${range}: give other ranges with --pod-cidr or --service-cidr`] : []
  })
}

function machinesAreAlike({ controlPlanes }: ClusterConfig): string[] {
  const machines = new Set(controlPlanes.map(({ address }) => address)).size
  if (machines === 1 || machines === controlPlanes.length) return []
  return [
    `${controlPlanes.length} control planes have ${machines} addresses: want all on one machine, or each on its own (the loss of one machine would stop etcd)`,
  ]
}

function rangesAreApart({ networks: { podCidr, serviceCidr } }: ClusterConfig): string[] {
  const overlap = contains(podCidr, serviceCidr.split('/')[0] ?? '') || contains(serviceCidr, podCidr.split('/')[0] ?? '')
  return overlap ? [`networks.podCidr ${podCidr} and networks.serviceCidr ${serviceCidr} overlap: want ranges that are apart`] : []
}

function portsAreApart({ controlPlanes, balancer }: ClusterConfig): string[] {
  const used = controlPlanes.flatMap(({ address, port, etcdClientPort, etcdPeerPort }) =>
    [port, etcdClientPort, etcdPeerPort].map(each => `${address}:${each}`),
  )
  const balancers = balancer ? [...new Set(controlPlanes.map(({ address }) => `${address}:${balancer.port}`))] : []
  return repeated([...used, ...balancers]).map(taken => `${taken} is meant for two programs: want ports that differ on one machine`)
}

function contains(range: string, address: string): boolean {
  const [base = '', length = ''] = range.split('/')
  const list = new BlockList()
  list.addSubnet(base, Number(length))
  return list.check(address)
}

function repeated(values: readonly string[]): string[] {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))]
}
