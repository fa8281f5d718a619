/** What the loaded call-backs say together. Solved and satisfied apart; who did not answer is counted, never guessed. */
import type { Survey } from './api/types'

export interface Tally {
  total: number
  finished: number
  pending: number
  nonResponse: number
  /** Share of the finished ones that answered at least one question; null when none has finished. */
  responseRate: number | null
  solved: { [answer: string]: number }
  score: { [answer: string]: number }
}

export function tallyOf(surveys: readonly Survey[]): Tally {
  const finished = surveys.filter((survey) => survey.state === 'finished')
  const responded = finished.filter((survey) => survey.solved !== null || survey.score !== null)
  const count = (values: (string | number | null)[]) =>
    values.reduce<{ [answer: string]: number }>((sum, value) => {
      if (value !== null) sum[value] = (sum[value] ?? 0) + 1
      return sum
    }, {})
  return {
    total: surveys.length,
    finished: finished.length,
    pending: surveys.length - finished.length,
    nonResponse: finished.length - responded.length,
    responseRate: finished.length ? responded.length / finished.length : null,
    solved: count(finished.map((survey) => survey.solved)),
    score: count(finished.map((survey) => survey.score)),
  }
}
