import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Asking, Budget, CompileError, CostError, celEnvironment, celOf, lazyFields, type Question } from './index.ts'

const MANY = 1_000_000
const environment = celEnvironment({
  object: 'dyn',
  request: { fields: { operation: 'string', userInfo: 'dyn' } },
  variables: { fields: { size: 'int' } },
  authorizer: 'authorizer',
})
const evaluate = (text: string, variables: Record<string, unknown> = {}, units = MANY) =>
  environment.compile(text).evaluate(variables, new Budget(units))

const TRUE = [
  `"a,b,c".split(",") == ["a", "b", "c"] && ["a", "b"].join("-") == "a-b" && "aXa".replace("a", "b", 1) == "bXa"`,
  `"%s is %d of %.1f, %x%%".format(["a", 3, 2.54, 255]) == "a is 3 of 2.5, ff%"`,
  `"v1 v22".findAll("v[0-9]+") == ["v1", "v22"] && "v1 v22".findAll("v[0-9]+", 1) == ["v1"]`,
  `string(timestamp("2024-01-01T00:00:00.5Z")) == "2024-01-01T00:00:00.5Z" && string(duration("90s")) == "90s"`,
  `timestamp("2024-01-01T00:00:00Z") + duration("1h") > timestamp("2024-01-01T00:30:00Z")`,
  `quantity("1Gi").add(quantity("1Gi")) == quantity("2Gi") && quantity("50k").sub(10).isLessThan(quantity("50k"))`,
  `quantity("50k").isInteger() && quantity("50k").asInteger() == 50000 && !isQuantity("1.3Gigs")`,
  `ip("192.168.0.1").family() == 4 && ip("::1").isLoopback() && !ip("10.0.0.1").isLoopback() && ip("0:0::1") == ip("::1")`,
  `ip("8.8.8.8").isGlobalUnicast() && ip("fe80::1").isLinkLocalUnicast() && ip.isCanonical("2001:db8::1") && !ip.isCanonical("2001:DB8::1")`,
  `!isIP("::ffff:1.2.3.4") && isIP("::1") && string(ip("10.0.0.1")) == "10.0.0.1"`,
  `cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR(cidr("10.1.0.0/16")) && !isCIDR("10.0.0.0")`,
  `string(cidr("10.1.2.3/8").masked()) == "10.0.0.0/8" && cidr("2001:db8:1::/32").masked() == cidr("2001:db8::/32")`,
  `cidr("10.0.0.0/8").prefixLength() == 8 && cidr("10.0.0.0/8").ip() == ip("10.0.0.0")`,
  `url("https://u@example.com:8443/a b".replace(" ", "%20") + "?k=1&k=2").getPort() == "8443" && isURL("/path") && !isURL("a/b")`,
  `url("https://[::1]:80/p?k=1").getHostname() == "::1" && url("https://a.b/p?k=1&k=2").getQuery()["k"] == ["1", "2"]`,
  `sets.contains([1, 2, 3], [3, 1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2]) && !sets.intersects([], [1])`,
  `!format.dns1123Label().validate("my-name").hasValue() && format.named("dns1123Label").value().validate("My_").hasValue()`,
  `[3, 1, 2].max() == 3 && [1, 2].sum() == 3 && ["a", "b"].isSorted() && [1, 2, 1].lastIndexOf(1) == 2 && [[1], [2]].indexOf([2]) == 1`,
  `object.spec.replicas == 2 && object.spec.ratio < 1 && object.?spec.?none.orValue("x") == "x"`,
  `type(object.spec.replicas) == int && object.metadata.labels.all(k, k.startsWith("a"))`,
]
const object = celOf({ metadata: { labels: { a: 'b' } }, spec: { replicas: 2, ratio: 0.5 } })
for (const text of TRUE) test(`${text} holds`, () => assert.equal(evaluate(text, { object }), true))

const WRONG: readonly [text: string, words: string][] = [
  ['objects.a', `ERROR: <input>:1:1: undeclared reference to 'objects' (in container '')\n | objects.a\n | ^`],
  ['request.foo == "a"', `ERROR: <input>:1:9: undefined field 'foo'\n | request.foo == "a"\n | ........^`],
  ['true &&\n  variables.length > 0', `ERROR: <input>:2:13: undefined field 'length'\n |   variables.length > 0\n | ............^`],
  ['nothing(1)', `ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')\n | nothing(1)\n | ^`],
  ['variables.size == "a"', `found no matching overload for '_==_' applied to '(int, string)'`],
  ['"a".startsWith(1)', `found no matching overload for 'startsWith' applied to 'string.(int)'`],
  ['object.a +', `ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>'`],
]
for (const [text, words] of WRONG) {
  test(`${JSON.stringify(text)} does not compile`, () => {
    assert.throws(
      () => environment.compile(text),
      (error: Error) => error instanceof CompileError && error.message.includes(words),
    )
  })
}

test('what cannot be evaluated is told in few words', () => {
  assert.throws(() => evaluate('object.none', { object }), { message: 'no such key: none' })
  assert.throws(() => evaluate('object.spec + 1 == 2', { object }), { message: 'no such overload' })
  assert.throws(() => evaluate('[1][3] == 1'), { message: 'index out of bounds: 3' })
  assert.throws(() => evaluate('1 / (object.spec.replicas - 2) == 1', { object }), { message: 'division by zero' })
})

test('an evaluation ends when it has cost too much, also where an error would not matter', () => {
  const list = celOf(Array.from({ length: 2000 }, (_, i) => ({ name: `n${i}` })))
  const began = performance.now()
  for (const text of [
    'object.all(x, object.all(y, x != y || x == y))',
    'object.all(x, object == object.map(z, z))',
    'object.exists(x, sets.contains(object, [x, {"name": "none"}])) || true',
    '"a".replace("", "aaaaaaaaaa").replace("", "aaaaaaaaaa").replace("", "aaaaaaaaaa").replace("", "aaaaaaaaaaaaaaaaaa").size() > 0',
  ]) {
    assert.throws(() => evaluate(text, { object: list }, 100), CostError, text)
  }
  assert.throws(() => evaluate('object.all(x, object.exists(y, y == x))', { object: list }), CostError)
  assert.ok(performance.now() - began < 5000)
})

test('lazy fields are made when they are looked at, once', () => {
  let made = 0
  const variables = lazyFields({
    size: () => {
      made++
      return evaluate('object.spec.replicas', { object })
    },
    broken: () => {
      throw new Error('never looked at')
    },
  })
  assert.equal(evaluate('variables.size == 2 && variables.size < 3', { variables }), true)
  assert.equal(made, 1)
})

test('authorizer asks, and evaluations are run again with the answers', async () => {
  const asked: Question[] = []
  const asking = new Asking({
    authorize: async question => {
      asked.push(question)
      if (question.verb === 'break') throw new Error('out of order')
      return { allowed: question.verb === 'get', reason: 'because' }
    },
    requestResource: { group: 'apps', resource: 'deployments', namespace: 'default', name: 'web' },
  })
  const variables = { authorizer: asking.authorizer }
  const settle = (text: string) => asking.settle(() => evaluate(text, variables))
  assert.equal(await settle('authorizer.requestResource.check("get").allowed()'), true)
  assert.equal(await settle('authorizer.requestResource.check("get").reason()'), 'because')
  assert.equal(await settle('authorizer.group("").resource("pods").namespace("a").check("delete").allowed()'), false)
  assert.equal(await settle('authorizer.serviceAccount("a", "b").path("/healthz").check("get").allowed()'), true)
  assert.equal(await settle('authorizer.path("/x").check("break").errored()'), true)
  assert.equal(await settle('[1, 2].all(x, authorizer.path("/" + string(x)).check("get").allowed())'), true)
  assert.deepEqual(asked.slice(0, 4), [
    { group: 'apps', resource: 'deployments', namespace: 'default', name: 'web', verb: 'get' },
    { group: '', resource: 'pods', namespace: 'a', verb: 'delete' },
    { path: '/healthz', verb: 'get', serviceAccount: { namespace: 'a', name: 'b' } },
    { path: '/x', verb: 'break' },
  ])
  await assert.rejects(settle('object.none'), /no such/)
})

test('what a list of lists would be as text is paid for before it is made', () => {
  const nested = `[[1]]${'.map(each, [each, each])'.repeat(40)}`
  assert.throws(() => evaluate(`"%s".format([${nested}])`), CostError)
  assert.equal(evaluate('"%s".format([[[1], [1]]])'), '[[1], [1]]')
})
