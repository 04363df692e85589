/** Flags of `npm run package`. */
import { parseArgs } from 'node:util'
import { DAVIT_VERSION } from '@davit/api'

const PRODUCTS = ['agent', 'control-plane', 'cli'] as const
export type Product = (typeof PRODUCTS)[number]

/** Node's names of the processors that agents are made for. */
export const ARCHS = ['x64', 'arm64'] as const
export type Arch = (typeof ARCHS)[number]

export interface PackageOptions {
  readonly products: readonly Product[]
  readonly archs: readonly Arch[]
  /** Built into everything that is made. */
  readonly version: string
}

export const HELP = `Usage: npm run package -- [flags]

Makes in out/: node-agent-linux-x64 and node-agent-linux-arm64 (executables that need no Node), control-plane/ (what its image is
made of), davit-VERSION.tgz (the command line, for "npm install --global"), and SHA256SUMS.

  --only PRODUCT[,PRODUCT]  agent, control-plane, cli. (all) The command line carries the agents that out/ holds.
  --arch ARCH[,ARCH]        x64, arm64. (both)
  --version X.Y.Z           (${DAVIT_VERSION})
`

/** Throws, naming the flag and what it takes, for flags that cannot be used. */
export function parsePackageOptions(args: readonly string[]): PackageOptions | 'help' {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { only: text, arch: text, version: text, help: { type: 'boolean' } },
    allowPositionals: false,
  })
  if (values.help) return 'help'
  const version = values.version ?? DAVIT_VERSION
  // npm takes nothing else, and an upgrade has to know which of two is the newer.
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) throw new Error(`--version "${version}" must be like 1.2.3 or 1.2.3-rc.1`)
  return { products: choices('--only', values.only, PRODUCTS), archs: choices('--arch', values.arch, ARCHS), version }
}

function choices<T extends string>(flag: string, text: string | undefined, known: readonly T[]): readonly T[] {
  const wanted = text?.split(',') ?? known
  const unknown = wanted.find(word => !known.some(one => one === word))
  if (unknown !== undefined) throw new Error(`${flag} "${unknown}" must be ${known.join(' or ')}`)
  return known.filter(one => wanted.includes(one))
}
