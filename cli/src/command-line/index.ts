export { addNegations, commandsOf, normalizeArguments, splitArguments } from './arguments.ts'
export { type Cli, createCli, type GlobalFlags } from './cli.ts'
export { describeError, ExitError, UsageError } from './errors.ts'
export {
  type DryRun,
  dryRunOf,
  dryRunSuffix,
  type FileOptions,
  integerOption,
  listOption,
  refuseKustomize,
  repeatOption,
  withDryRun,
  withExamples,
  withFieldManager,
  withFiles,
  withOutput,
  withSelector,
} from './options.ts'
export { type CommandMaker, commandPath, createProgram, globalFlagsOf, useOwnErrors } from './program.ts'
