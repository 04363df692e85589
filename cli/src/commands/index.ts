import type { CommandMaker } from '../command-line/index.ts'
import { applyCommand } from './apply.ts'
import { getCommand } from './get.ts'

/** Every verb, in the order help shows them. */
export const COMMANDS: readonly CommandMaker[] = [getCommand, applyCommand]
