export { type LeaderOptions, runWhileLeader } from './run-while-leader.ts'
export { beginTerm } from './term.ts'
