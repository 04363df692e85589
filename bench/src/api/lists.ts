/** LIST of all pods, whole, as a table and by pages, beside bare fastify that sends the bytes of the very same answers. */
import { progress, ratio, verdict } from '../report.ts'
import { median } from '../statistics.ts'
import { processorSeconds } from '../usage.ts'
import type { Contenders, Target } from './contenders.ts'
import { type Answer, answerOf } from './requests.ts'
import { milliseconds, type Row, type Run } from './rows.ts'

const ALL_PODS = '/api/v1/pods'
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
const PAGE = 500
const BUDGET = 2
/** Of each contender, by turns. */
const TIMES = 8

const FORMS = { json: 'LIST of 10,000 pods', table: 'LIST as a Table', pages: `LIST by pages of ${PAGE}` }
type Form = keyof typeof FORMS

export interface ListFigures {
  readonly form: Form
  readonly contender: 'davit' | 'bare'
  /** Of each list, by the clock. */
  readonly ms: readonly number[]
  /** Of the server, for one list. */
  readonly processorMs: number
  readonly bytes: number
}

export async function measureLists({ davit, bare, prepare }: Contenders, { run, signal }: Run): Promise<ListFigures[]> {
  const figures: ListFigures[] = []
  for (const form of Object.keys(FORMS) as Form[]) {
    // What it answers now is what the bare server sends.
    const answers = await listBy(form, davit)
    const names = answers.map((_, page) => `list-${form}-${run}-${page}`)
    for (const [page, { bytes }] of answers.entries()) await prepare(names[page] as string, bytes)
    const bareList = async () => {
      const sent: Answer[] = []
      for (const name of names) sent.push(await answerOf(bare, `/${name}`))
      return sent
    }
    await bareList()
    const measured = { davit: new Series(davit), bare: new Series(bare) }
    for (let time = 0; time < TIMES; time++) {
      signal.throwIfAborted()
      await measured.davit.add(() => listBy(form, davit))
      await measured.bare.add(bareList)
    }
    for (const contender of ['davit', 'bare'] as const) figures.push({ form, contender, ...measured[contender].figures() })
    progress(`Run ${run}: ${FORMS[form]} measured`)
  }
  return figures
}

async function listBy(form: Form, target: Target): Promise<Answer[]> {
  if (form === 'json') return [await answerOf(target, ALL_PODS)]
  if (form === 'table') return [await answerOf(target, ALL_PODS, TABLE)]
  const pages: Answer[] = []
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page: Answer = await answerOf(target, `${ALL_PODS}?limit=${PAGE}${next && `&continue=${next}`}`)
    pages.push(page)
    next = /"continue":"([^"]+)"/.exec(page.bytes.toString('latin1', 0, 1000))?.[1]
  }
  return pages
}

class Series {
  readonly #pid: number
  readonly #ms: number[] = []
  #processorMs = 0
  #bytes = 0

  constructor({ pid }: Target) {
    this.#pid = pid
  }

  async add(list: () => Promise<Answer[]>): Promise<void> {
    const before = await processorSeconds(this.#pid)
    const answers = await list()
    this.#processorMs += ((await processorSeconds(this.#pid)) - before) * 1000
    this.#ms.push(answers.reduce((sum, { ms }) => sum + ms, 0))
    this.#bytes = answers.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  figures(): Pick<ListFigures, 'ms' | 'processorMs' | 'bytes'> {
    return { ms: this.#ms, processorMs: this.#processorMs / this.#ms.length, bytes: this.#bytes }
  }
}

export function listRows(figures: readonly ListFigures[]): Row[] {
  const of = (form: Form, contender: ListFigures['contender']) => figures.filter(list => list.form === form && list.contender === contender)
  return (Object.keys(FORMS) as Form[]).flatMap(form => {
    const [davit, bare] = [of(form, 'davit'), of(form, 'bare')]
    const row = (name: string, own: number, limit: number) => [
      name,
      milliseconds(own),
      `fastify ${milliseconds(limit)}`,
      ratio(own / limit),
    ]
    const wall = (lists: readonly ListFigures[]) => median(lists.flatMap(({ ms }) => ms))
    const processor = (lists: readonly ListFigures[]) => median(lists.map(({ processorMs }) => processorMs))
    const size = ((davit[0]?.bytes ?? 0) / 1e6).toFixed(1)
    const budget = form === 'json' ? [`<= ${BUDGET}`, verdict(wall(davit) / wall(bare) <= BUDGET)] : []
    const first = row(`${FORMS[form]} (${size} MB)`, wall(davit), wall(bare))
    return [[...first, ...budget], row('  processor time', processor(davit), processor(bare))]
  })
}
