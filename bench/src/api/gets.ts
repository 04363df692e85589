/** GET of one pod, as fresh as kubectl's and from the cache, beside bare fastify that sends the same bytes. */
import { progress, ratio, verdict } from '../report.ts'
import { median } from '../statistics.ts'
import type { Contenders } from './contenders.ts'
import { podPath } from './example-pod.ts'
import { type GetRate, measureGets, type Protocol } from './get-load.ts'
import { answerOf } from './requests.ts'
import { perSecond, type Row, type Run } from './rows.ts'

const BUDGET = 0.7
const PROTOCOLS: readonly Protocol[] = ['HTTP/1.1', 'HTTP/2']
const NAMES = { bare: 'bare fastify', fresh: 'Davit', cached: 'Davit resourceVersion=0' }
type Contender = keyof typeof NAMES
const CONTENDERS = Object.keys(NAMES) as Contender[]

export interface GetFigures {
  readonly protocol: Protocol
  readonly contender: Contender
  readonly rate: GetRate
}

/** The pod `name` must be there and stay as it is. */
export async function measureReads({ davit, bare, prepare }: Contenders, name: string, { run, signal }: Run): Promise<GetFigures[]> {
  const path = podPath(name)
  await prepare(name, (await answerOf(davit, path)).bytes)
  const targets = {
    bare: { ...bare, path: `/${name}` },
    fresh: { ...davit, path },
    cached: { ...davit, path: `${path}?resourceVersion=0` },
  }
  const figures: GetFigures[] = []
  for (const protocol of PROTOCOLS) {
    for (const contender of CONTENDERS) figures.push({ protocol, contender, rate: await measureGets(targets[contender], protocol, signal) })
    progress(`Run ${run}: GET over ${protocol} measured`)
  }
  return figures
}

export function getRows(figures: readonly GetFigures[]): Row[] {
  const rateOf = (protocol: Protocol, contender: Contender) =>
    median(figures.filter(get => get.protocol === protocol && get.contender === contender).map(({ rate }) => rate.perProcessorSecond))
  return PROTOCOLS.flatMap(protocol =>
    (['fresh', 'cached'] as const).map(contender => {
      const [own, bare] = [rateOf(protocol, contender), rateOf(protocol, 'bare')]
      const compared = own / bare
      const name = `GET ${protocol}, ${NAMES[contender]}`
      return [name, perSecond(own), `fastify ${perSecond(bare)}`, ratio(compared), `>= ${BUDGET}`, verdict(compared >= BUDGET)]
    }),
  )
}
