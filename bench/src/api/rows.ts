/** What the parts of this bench share: which run it is, and how figures read. */

export interface Run {
  /** From 1. */
  readonly run: number
  readonly signal: AbortSignal
}

/** What, Davit's figure, the limit's, their ratio, the budget, and whether it is met. */
export type Row = readonly string[]

export const HEADER: Row = ['', 'Davit', 'the limit', 'ratio', 'budget', '']

export const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en-US')}/s`
export const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`
export const megabytes = (value: number): string => `${value.toFixed(0)} MB`
