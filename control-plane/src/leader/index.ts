export { type LeaderOptions, runWhileLeader } from './run-while-leader.ts'
