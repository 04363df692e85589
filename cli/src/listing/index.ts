export { type FetchOptions, fetchObjects, fetchTable, watchObjects, watchTables } from './fetch.ts'
export { type FetchedTable, type PrintOptions, printTables, tableOptions } from './print.ts'
export { sortByPath } from './sort.ts'
