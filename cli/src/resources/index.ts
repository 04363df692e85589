export { parseResourceArguments, type ResourceArguments } from './parse-arguments.ts'
export {
  collect,
  listTargets,
  placeOf,
  type Query,
  resolveQueries,
  type SelectOptions,
  selectTargets,
  type Target,
  throwCollected,
} from './select.ts'
