export { parseResourceArguments, type ResourceArguments } from './parse-arguments.ts'
export {
  collect,
  listTargets,
  type Place,
  placeOf,
  placesOf,
  type Query,
  resolveQueries,
  type SelectOptions,
  selectTargets,
  type Target,
  throwCollected,
} from './select.ts'
