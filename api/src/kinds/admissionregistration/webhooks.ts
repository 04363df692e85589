/** What webhooks that change objects and those that only judge them have in common. */
import { duplicateValue, invalidValue, requiredValue } from '../../field-errors.ts'
import { isDnsSubdomain, isPortNumber, isServiceName } from '../../names.ts'
import { once } from '../../once.ts'
import { bytes, field, int32, list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { applyRuleDefaults, FAILURE_POLICIES, MATCH_POLICIES, oneOfThese, validateMatchConditions, validateRule } from './rule-rules.ts'
import { matchConditionsSchema, ruleSchema } from './rule-schema.ts'
import type { MutatingWebhook, Webhook, WebhookClientConfig } from './types.ts'

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'] as const
const REVIEW_VERSIONS = ['v1', 'v1beta1'] as const
export const REINVOCATIONS = ['IfNeeded', 'Never'] as const
const TIMEOUT_SECONDS_MAX = 30
const URL_FORM = '; desired format: https://host[/path]'

/** Where a webhook is asked, of admission and of conversion. */
export const clientConfigSchema = once(() =>
  object('WebhookClientConfig', 'Where a webhook is asked: at a URL or behind a Service.', {
    url: string('https://host/path; without user, query and fragment. Not together with service.'),
    service: field(
      object('ServiceReference', 'A path of a Service.', {
        namespace: required(string('Namespace of the Service.')),
        name: required(string('Name of the Service.')),
        path: string('Path of the URL.'),
        port: int32('Port of the Service. Default 443.'),
      }),
      'Service that answers. Not together with url.',
    ),
    caBundle: bytes("Authorities in PEM that sign the server's certificate; those of the system if absent."),
  }),
)

/** The fields of a webhook of either sort. */
export const webhookFields = once(() => ({
  name: required(string('Name of the webhook: a domain of at least three labels.')),
  clientConfig: required(field(clientConfigSchema(), 'Where it is asked.')),
  rules: list(ruleSchema(), 'Requests it is asked about; one of these must match.'),
  failurePolicy: oneOf(FAILURE_POLICIES, 'What happens when it does not answer: Fail or Ignore. Default Fail.'),
  matchPolicy: oneOf(
    MATCH_POLICIES,
    'Whether it is asked about objects in other versions than the rules name: Equivalent or Exact. Default Equivalent.',
  ),
  namespaceSelector: field(labelSelectorSchema(), 'Namespaces whose objects it is asked about; all by default.'),
  objectSelector: field(labelSelectorSchema(), 'Objects it is asked about, old or new; all by default.'),
  sideEffects: required(oneOf(SIDE_EFFECTS, 'None, or NoneOnDryRun: whether asking it changes something elsewhere.')),
  timeoutSeconds: int32('How long it may take, from 1 to 30. Default 10.'),
  admissionReviewVersions: required(strings('Versions of AdmissionReview it understands, the best first: v1, v1beta1.')),
  matchConditions: matchConditionsSchema(),
}))

export function applyWebhookDefaults({ webhooks = [] }: { webhooks?: Webhook[] }): void {
  for (const webhook of webhooks) {
    webhook.failurePolicy ??= 'Fail'
    webhook.matchPolicy ??= 'Equivalent'
    webhook.namespaceSelector ??= {}
    webhook.objectSelector ??= {}
    webhook.timeoutSeconds ??= 10
    applyRuleDefaults(webhook.rules)
    if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443
  }
}

export function validateWebhooks({ webhooks = [] }: { webhooks?: MutatingWebhook[] }): FieldError[] {
  const names = webhooks.map(({ name }) => name)
  return webhooks.flatMap((webhook, i) => {
    const path = `webhooks[${i}]`
    const errors = [...validateWebhook(webhook, path), ...validateVersions(webhook, `${path}.admissionReviewVersions`)]
    return webhook.name && names.indexOf(webhook.name) < i ? [...errors, duplicateValue(`${path}.name`, webhook.name)] : errors
  })
}

function validateWebhook(webhook: MutatingWebhook, path: string): FieldError[] {
  const { name = '', rules = [], sideEffects, timeoutSeconds = 1, clientConfig = {}, matchConditions = [] } = webhook
  const errors = validateFullName(name, `${path}.name`)
  errors.push(...rules.flatMap((rule, i) => validateRule(rule, `${path}.rules[${i}]`)))
  errors.push(...oneOfThese(`${path}.failurePolicy`, webhook.failurePolicy, FAILURE_POLICIES))
  errors.push(...oneOfThese(`${path}.matchPolicy`, webhook.matchPolicy, MATCH_POLICIES))
  if (sideEffects === undefined) errors.push(requiredValue(`${path}.sideEffects`, `must specify one of ${SIDE_EFFECTS.join(', ')}`))
  errors.push(...oneOfThese(`${path}.sideEffects`, sideEffects, SIDE_EFFECTS))
  if (timeoutSeconds < 1 || timeoutSeconds > TIMEOUT_SECONDS_MAX) {
    errors.push(invalidValue(`${path}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'))
  }
  errors.push(...validateLabelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`))
  errors.push(...validateLabelSelector(webhook.objectSelector, `${path}.objectSelector`))
  errors.push(...oneOfThese(`${path}.reinvocationPolicy`, webhook.reinvocationPolicy, REINVOCATIONS))
  errors.push(...validateClientConfig(clientConfig, `${path}.clientConfig`))
  return [...errors, ...validateMatchConditions(matchConditions, `${path}.matchConditions`)]
}

function validateFullName(name: string, path: string): FieldError[] {
  if (!name) return [requiredValue(path)]
  const why = isDnsSubdomain(name)
  if (why !== undefined) return [invalidValue(path, name, why)]
  return name.split('.').length < 3 ? [invalidValue(path, name, 'should be a domain with at least three segments separated by dots')] : []
}

function validateVersions({ admissionReviewVersions: versions = [] }: Webhook, path: string): FieldError[] {
  const known = REVIEW_VERSIONS.join(', ')
  if (versions.length === 0) return [requiredValue(path, `must specify one of ${known}`)]
  const errors = versions.flatMap((version, i) => {
    const why = versions.indexOf(version) < i ? 'duplicate version' : isServiceName(version)
    return why === undefined ? [] : [invalidValue(`${path}[${i}]`, version, why)]
  })
  if (versions.some(version => (REVIEW_VERSIONS as readonly string[]).includes(version))) return errors
  return [...errors, invalidValue(path, versions, `must include at least one of ${known}`)]
}

function validateClientConfig({ url, service }: WebhookClientConfig, path: string): FieldError[] {
  if ((url === undefined) === (service === undefined)) return [requiredValue(path, 'exactly one of url or service is required')]
  return service ? validateService(service, `${path}.service`) : validateUrl(url ?? '', `${path}.url`)
}

function validateUrl(text: string, path: string): FieldError[] {
  let url: URL | undefined
  try {
    url = new URL(text)
  } catch {
    // Without a scheme it may still be one to Go: a path, which has no host.
    if (/^[^:]*$/.test(text)) {
      return [
        invalidValue(path, '', `'https' is the only allowed URL scheme${URL_FORM}`),
        invalidValue(path, '', `host must be provided${URL_FORM}`),
      ]
    }
    return [requiredValue(path, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URL${URL_FORM}`)]
  }
  const errors: FieldError[] = []
  const scheme = url.protocol.slice(0, -1)
  if (scheme !== 'https') errors.push(invalidValue(path, scheme, `'https' is the only allowed URL scheme${URL_FORM}`))
  if (!url.host) errors.push(invalidValue(path, url.host, `host must be provided${URL_FORM}`))
  const user = url.password ? `${url.username}:${url.password}` : url.username
  if (user) errors.push(invalidValue(path, user, 'user information is not permitted in the URL'))
  if (url.hash) errors.push(invalidValue(path, url.hash.slice(1), 'fragments are not permitted in the URL'))
  if (url.search) errors.push(invalidValue(path, url.search.slice(1), 'query parameters are not permitted in the URL'))
  return errors
}

function validateService(
  { name, namespace, path: urlPath = '', port = 443 }: NonNullable<WebhookClientConfig['service']>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  if (!name) errors.push(requiredValue(`${path}.name`, 'service name is required'))
  if (!namespace) errors.push(requiredValue(`${path}.namespace`, 'service namespace is required'))
  const wrongPort = isPortNumber(port)
  if (wrongPort) errors.push(invalidValue(`${path}.port`, port, `port is not valid: ${wrongPort}`))
  return [...errors, ...validatePath(urlPath, `${path}.path`)]
}

function validatePath(urlPath: string, path: string): FieldError[] {
  if (urlPath === '' || urlPath === '/') return []
  if (urlPath === '//') return [invalidValue(path, urlPath, 'segment[0] may not be empty')]
  const errors = urlPath.startsWith('/') ? [] : [invalidValue(path, urlPath, "must start with a '/'")]
  for (const [i, step] of urlPath.slice(1).replace(/\/$/, '').split('/').entries()) {
    const why = isDnsSubdomain(step)
    if (step === '') errors.push(invalidValue(path, urlPath, `segment[${i}] may not be empty`))
    else if (why !== undefined) errors.push(invalidValue(path, urlPath, `segment[${i}]: ${why}`))
  }
  return errors
}
