import { type Command, Option } from 'commander'

export interface SplitArguments {
  readonly own: string[]
  /** What followed the first `--`. */
  readonly afterDashes: string[] | undefined
}

/** Cuts at `--`: what follows it is some other program's, as in `exec POD -- ls -l`. */
export function splitArguments(args: readonly string[]): SplitArguments {
  const at = args.indexOf('--')
  return at < 0 ? { own: [...args], afterDashes: undefined } : { own: args.slice(0, at), afterDashes: args.slice(at + 1) }
}

/** Gives every flag without a value a hidden twin `--no-…`, so that `--wait=false` can be said. */
export function addNegations(command: Command): void {
  for (const option of command.options.filter(isSwitch)) {
    const negation = option.long!.replace(/^--/, '--no-')
    if (!command.options.some(({ long }) => long === negation)) command.addOption(new Option(negation).hideHelp())
  }
  for (const child of command.commands) addNegations(child)
}

function isSwitch({ long, required, optional, negate }: Option): boolean {
  return long !== undefined && !required && !optional && !negate
}

/**
 * Go's flag forms as commander takes them: `-o=yaml` becomes `-oyaml`, `--wait=false` becomes `--no-wait`, `--wait=true` becomes
 * `--wait`, and flags whose value may be left out get the one they then stand for.
 */
export function normalizeArguments(args: readonly string[], program: Command): string[] {
  const options = commandsOf(args, program).flatMap(command => command.options)
  const switches = new Set(options.filter(isSwitch).map(({ long }) => long))
  return args.map(arg => {
    const short = /^-([A-Za-z])=(.*)$/s.exec(arg)
    if (short) return `-${short[1]}${short[2]}`
    const long = /^(--[a-z0-9-]+)=(true|false)$/.exec(arg)
    if (long && switches.has(long[1]!)) return long[2] === 'true' ? long[1]! : long[1]!.replace(/^--/, '--no-')
    const bare = options.find(option => option.long === arg && option.presetArg !== undefined && option.optional)
    return bare ? `${arg}=${String(bare.presetArg)}` : arg
  })
}

/** The program and the verbs, one below the other, that the arguments name. */
export function commandsOf(args: readonly string[], program: Command): Command[] {
  const path = [program]
  for (const arg of args) {
    const child = path.at(-1)!.commands.find(candidate => candidate.name() === arg || candidate.aliases().includes(arg))
    if (child) path.push(child)
  }
  return path
}
