/** What evaluations may still cost. One node of an expression costs 1. */
export class Budget {
  #left: number

  constructor(units: number) {
    this.#left = units
  }

  /** Negative once it is used up. */
  get left(): number {
    return this.#left
  }

  /** Throws CostError when there is no more. */
  spend(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw new CostError()
  }
}

export class CostError extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded')
  }
}

/** Evaluations do not wait, so that at most one runs, and those that it has in it. */
let present: Budget | undefined

/** Runs an evaluation that pays with `budget`. Throws CostError also when the evaluation itself took no notice of that. */
export function payingWith<R>(budget: Budget, evaluate: () => R): R {
  const before = present
  present = budget
  try {
    const result = evaluate()
    if (budget.left < 0) throw new CostError()
    return result
  } finally {
    present = before
  }
}

/** Pays for what the running evaluation does. Throws CostError. */
export function spend(units: number): void {
  present?.spend(units)
}
