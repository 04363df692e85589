export { explainField, explainHead } from './explain.ts'
export { fetchSchema } from './open-api.ts'
