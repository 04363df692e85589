import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { credentialsFor, globMatches, parseCredentials } from './credentials.ts'
import { readImageName } from './reference.ts'

const login = (username: string) => ({ username, password: 'secret' })
/** Names of the users that are tried for an image, in order. */
const tried = (image: string, ...places: string[]) => {
  const auths = Object.fromEntries(places.map(place => [place, login(place)]))
  return credentialsFor(readImageName(image), parseCredentials(JSON.stringify({ auths }))).map(({ username }) => username)
}

describe('credentialsFor()', () => {
  for (const [image, place, fits] of [
    ['r.example/a', 'r.example', true],
    ['r.example/a', 'https://r.example/v2/', true],
    ['r.example/team/a', 'r.example/team', true],
    ['r.example/other/a', 'r.example/team', false],
    ['r.example:5000/a', 'r.example', false],
    ['r.example:5000/a', 'r.example:5000', true],
    ['eu.r.example/a', '*.r.example', true],
    ['a.eu.r.example/a', '*.r.example', false],
    ['r.example/a', '*', false],
    ['prod1.r.example/a', 'prod?.r.example', true],
    ['b.r.example/a', '[a-c].r.example', true],
    ['d.r.example/a', '[a-c].r.example', false],
    ['nginx', 'https://index.docker.io/v1/', true],
    ['docker.io/me/app', 'index.docker.io', true],
    ['me/app', 'docker.io', true],
    ['me/app', 'registry-1.docker.io', true],
    ['me/app', 'docker.io/me', true],
    ['you/app', 'docker.io/me', false],
    ['r.example/a', 'https://index.docker.io/v1/', false],
  ] as const) {
    it(`${fits ? 'takes' : 'leaves'} the login of "${place}" for "${image}"`, () =>
      assert.deepEqual(tried(image, place), fits ? [place] : []))
  }

  it('tries the most specific first', () => {
    const places = ['r.example', '*.example', 'r.example/team/app', 'r.example/team']
    assert.deepEqual(tried('r.example/team/app', ...places), ['r.example/team/app', 'r.example/team', 'r.example', '*.example'])
  })

  it('keeps the order of Secrets that speak of the same place', () => {
    const stored = ['one', 'two', 'one'].flatMap(user => parseCredentials(JSON.stringify({ auths: { 'r.example': login(user) } })))
    assert.deepEqual(
      credentialsFor(readImageName('r.example/a'), stored).map(({ username }) => username),
      ['one', 'two'],
    )
  })
})

describe('parseCredentials()', () => {
  it('reads every form of a login', () => {
    const auths = {
      a: { auth: Buffer.from('u:p:with:colons').toString('base64') },
      b: { username: 'u', password: 'p' },
      c: { auth: Buffer.from('u:').toString('base64'), identitytoken: 'T' },
      d: { registrytoken: 'R' },
      e: {},
    }
    assert.deepEqual(
      parseCredentials(JSON.stringify({ auths })).map(({ place, auth }) => [place, auth]),
      [
        ['a', { username: 'u', password: 'p:with:colons' }],
        ['b', { username: 'u', password: 'p' }],
        ['c', { identitytoken: 'T', username: 'u' }],
        ['d', { registrytoken: 'R' }],
      ],
    )
  })
  it('reads the older form, and refuses what is neither', () => {
    assert.equal(parseCredentials(JSON.stringify({ 'r.example': login('u') }), { legacy: true }).length, 1)
    for (const text of ['', 'x', '[]', '{"auths":{"a":1}}']) assert.throws(() => parseCredentials(text))
  })
})

describe('globMatches()', () => {
  it('matches what path globs match', () => {
    for (const [glob, text, wanted] of [
      ['a*c', 'abbbc', true],
      ['a*c', 'abbb', false],
      ['*', '', true],
      ['[^a]x', 'bx', true],
      ['[^a]x', 'ax', false],
      ['\\*', '*', true],
      ['\\*', 'a', false],
      ['a', 'aa', false],
    ] as const)
      assert.equal(globMatches(glob, text), wanted, `${glob} ${text}`)
  })
  it('matches each text with itself and with stars put in', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '.', '/') }), fc.nat(), (text, at) => {
        const cut = at % (text.length + 1)
        return globMatches(text, text) && globMatches(`${text.slice(0, cut)}*`, text) && globMatches(`*${text.slice(cut)}`, text)
      }),
    )
  })
  it('is quick with many stars', () => assert.equal(globMatches('*a'.repeat(100), 'a'.repeat(250).concat('b')), false))
})
