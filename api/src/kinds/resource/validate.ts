/** Rules of resource.k8s.io, in Kubernetes' words. What CEL conditions say is for who evaluates them. */
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue, tooLong, tooMany } from '../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import type { DeviceConfiguration, DeviceRequest, DeviceRequestParts, DeviceSelector, DeviceTaint, ResourceClaimSpec } from './types.ts'

const ITEMS_MAX = 32
const SUBREQUESTS_MAX = 8
const DRIVER_BYTES_MAX = 63

export function validateSelectors(selectors: readonly DeviceSelector[] = [], path: string): FieldError[] {
  if (selectors.length > ITEMS_MAX) return [tooMany(path, selectors.length, ITEMS_MAX)]
  return selectors.flatMap(({ cel }, i) => {
    if (!cel) return [requiredValue(`${path}[${i}].cel`)]
    return cel.expression ? [] : [requiredValue(`${path}[${i}].cel.expression`)]
  })
}

export function validateConfigurations(configurations: readonly DeviceConfiguration[] = [], path: string): FieldError[] {
  if (configurations.length > ITEMS_MAX) return [tooMany(path, configurations.length, ITEMS_MAX)]
  return configurations.flatMap(({ opaque }, i) => {
    const at = `${path}[${i}].opaque`
    if (!opaque) return [requiredValue(at, 'exactly one configuration type must be specified')]
    const { driver, parameters } = opaque
    const isObject = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)
    if (parameters === undefined) return [...validateDriver(driver, `${at}.driver`), requiredValue(`${at}.parameters`)]
    if (!isObject)
      return [...validateDriver(driver, `${at}.driver`), invalidValue(`${at}.parameters`, '<value omitted>', 'must be a valid JSON object')]
    return validateDriver(driver, `${at}.driver`)
  })
}

export function validateDriver(driver: string | undefined, at: string): FieldError[] {
  if (!driver) return [requiredValue(at)]
  if (Buffer.byteLength(driver) > DRIVER_BYTES_MAX) return [tooLong(at, DRIVER_BYTES_MAX)]
  return invalidIf(at, driver, isDnsSubdomain(driver))
}

/** Names of pools are paths of domains. */
export function validatePool(pool: string | undefined, at: string): FieldError[] {
  if (!pool) return [requiredValue(at)]
  return pool.split('/').flatMap(part => invalidIf(at, part, isDnsSubdomain(part)))
}

export function validateTaint({ key, effect }: Partial<DeviceTaint>, path: string): FieldError[] {
  return [...(key ? [] : [requiredValue(`${path}.key`)]), ...(effect ? [] : [requiredValue(`${path}.effect`)])]
}

/** Of a claim, and of templates of claims. */
export function validateClaimSpec({ devices = {} }: ResourceClaimSpec, path: string): FieldError[] {
  const { requests = [], constraints = [], config = [] } = devices
  const at = `${path}.devices`
  if (requests.length > ITEMS_MAX) return [tooMany(`${at}.requests`, requests.length, ITEMS_MAX)]
  const known = new Set(requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map(sub => `${name}/${sub.name}`)]))
  const validateNames = (names: readonly string[] = [], where: string) =>
    names.flatMap((name, i) =>
      known.has(name)
        ? []
        : [
            invalidValue(
              `${where}[${i}]`,
              name,
              "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
            ),
          ],
    )
  return [
    ...requests.flatMap((request, i) => validateRequest(request, { path: `${at}.requests[${i}]`, earlier: requests.slice(0, i) })),
    ...constraints.flatMap(({ requests: names, matchAttribute, distinctAttribute }, i) => [
      ...validateNames(names, `${at}.constraints[${i}].requests`),
      ...(matchAttribute || distinctAttribute ? [] : [requiredValue(`${at}.constraints[${i}].matchAttribute`)]),
    ]),
    ...validateConfigurations(config, `${at}.config`),
    ...config.flatMap(({ requests: names }, i) => validateNames(names, `${at}.config[${i}].requests`)),
  ]
}

function validateRequest(
  { name, exactly, firstAvailable = [] }: DeviceRequest,
  { path, earlier }: { path: string; earlier: readonly DeviceRequest[] },
): FieldError[] {
  const errors = name ? invalidIf(`${path}.name`, name, isDnsLabel(name)) : [requiredValue(`${path}.name`)]
  if (earlier.some(other => other.name === name)) errors.push(duplicateValue(`${path}.name`, name))
  if (!exactly && firstAvailable.length === 0)
    return [...errors, requiredValue(path, 'exactly one of `exactly` or `firstAvailable` is required')]
  if (exactly && firstAvailable.length > 0) {
    return [...errors, invalidValue(path, null, 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set')]
  }
  if (firstAvailable.length > SUBREQUESTS_MAX) errors.push(tooMany(`${path}.firstAvailable`, firstAvailable.length, SUBREQUESTS_MAX))
  if (exactly) errors.push(...validateParts(exactly, `${path}.exactly`))
  for (const [i, part] of firstAvailable.entries()) errors.push(...validateParts(part, `${path}.firstAvailable[${i}]`))
  return errors
}

function validateParts({ deviceClassName, selectors, allocationMode, count }: DeviceRequestParts, path: string): FieldError[] {
  const errors = deviceClassName
    ? invalidIf(`${path}.deviceClassName`, deviceClassName, isDnsSubdomain(deviceClassName))
    : [requiredValue(`${path}.deviceClassName`)]
  errors.push(...validateSelectors(selectors, `${path}.selectors`))
  if (allocationMode === 'All' && count) {
    errors.push(invalidValue(`${path}.count`, count, `must not be specified when allocationMode is 'All'`))
  } else if (allocationMode !== 'All' && count !== undefined && count <= 0) {
    errors.push(invalidValue(`${path}.count`, count, 'must be greater than zero'))
  }
  return errors
}

/** Where devices are: one of the ways, and only one. */
export function validatePlaces(places: Readonly<Record<string, unknown>>, path: string): FieldError[] {
  const given = Object.entries(places).filter(([, value]) => value !== undefined && value !== false && value !== '')
  const names = Object.keys(places).map(name => `\`${name}\``)
  const which = `exactly one of ${names.slice(0, -1).join(', ')}, or ${names.at(-1)} is required`
  if (given.length === 0) return [requiredValue(path, which)]
  return given.length > 1 ? [forbiddenField(path, `${which}, but multiple fields are set`)] : []
}
