export { deploymentObject, namespaceObject, serviceAccountObject, serviceObject } from './create-objects.ts'
export { configMapObject, readData, secretObject } from './data-objects.ts'
