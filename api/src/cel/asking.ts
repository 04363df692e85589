/** `authorizer`: may the user do this? An answer takes time and evaluations do not wait, so they are run again once there is one. */
import { type Answers, Authorizer } from './libraries/authorizer.ts'
import type { Question, Verdict } from './question.ts'

export interface AskingOptions {
  /** A rejection is the verdict that nothing could be said. */
  readonly authorize: (question: Question) => Promise<Verdict>
  /** What `authorizer.requestResource` is about. */
  readonly requestResource?: Omit<Question, 'verb' | 'path' | 'serviceAccount'>
}

/** Different questions that one evaluation may ask. */
const QUESTIONS_MAX = 50

/** An evaluation needs an answer that is not there yet. */
class OpenQuestion extends Error {
  readonly isQuestion = true
}

/** The questions and answers of one request. */
export class Asking {
  /** For the variable `authorizer`. */
  readonly authorizer: unknown
  readonly #authorize: AskingOptions['authorize']
  readonly #answers = new Map<string, Verdict>()
  readonly #open = new Map<string, Question>()

  constructor({ authorize, requestResource }: AskingOptions) {
    this.#authorize = authorize
    const answers: Answers = question => this.#answer(question)
    this.authorizer = new Authorizer(answers, undefined, requestResource)
  }

  /** Runs `evaluate` until it needs no more answers; gives what it gives. Rejects with what it throws. */
  async settle<R>(evaluate: () => R): Promise<R> {
    for (;;) {
      this.#open.clear()
      const outcome = attempt(evaluate)
      if (this.#open.size === 0) {
        if ('error' in outcome) throw outcome.error
        return outcome.result
      }
      const asked = [...this.#open]
      if (this.#answers.size + asked.length > QUESTIONS_MAX) throw new Error('too many authorization checks')
      await Promise.all(
        asked.map(async ([key, question]) => {
          const failed = (error: unknown): Verdict => ({ allowed: false, error: (error as Error).message })
          this.#answers.set(key, await this.#authorize(question).catch(failed))
        }),
      )
    }
  }

  #answer(question: Question): Verdict {
    const key = JSON.stringify(question)
    const known = this.#answers.get(key)
    if (known) return known
    this.#open.set(key, question)
    throw new OpenQuestion('authorization is not known yet')
  }
}

function attempt<R>(evaluate: () => R): { result: R } | { error: unknown } {
  try {
    return { result: evaluate() }
  } catch (error) {
    return { error }
  }
}
