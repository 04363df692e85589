import type { CommandMaker } from '../command-line/index.ts'
import { applyCommand } from './apply.ts'
import { down, image, status, up } from './cluster/index.ts'
import { getCommand } from './get.ts'

/** Every verb, in the order help shows them. */
export const COMMANDS: readonly CommandMaker[] = [up, down, status, image, getCommand, applyCommand]
