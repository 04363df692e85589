export { failpoint } from './failpoint.ts'
