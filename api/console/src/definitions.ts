/** What figures and formulas mean; asked once, for they change only with the program. */
import { computed, shallowRef } from 'vue'

import { get } from './api/http'
import type { Definitions, FigureDefinition } from './api/types'
import { language } from './i18n'

const known = shallowRef<Definitions | null>(null)
let asked: Promise<void> | null = null

/** The registry, empty until it has come. */
export function useDefinitions() {
  asked ??= get<Definitions>('/metrics/definitions').then(
    (came) => {
      known.value = came
    },
    () => {
      asked = null // the next page asks again
    },
  )
  const byName = computed(() => new Map((known.value?.figures ?? []).map((one) => [one.name, one])))
  return { definitions: known, byName }
}

/** The title of a figure or formula in the reader's language. */
export function titleOf(one: Pick<FigureDefinition, 'title' | 'title_en'> | undefined): string {
  return (language.value === 'en' ? one?.title_en : one?.title) ?? ''
}

/** What it means, in the reader's language. */
export function textOf(one: Pick<FigureDefinition, 'text' | 'text_en'> | undefined): string {
  return (language.value === 'en' ? one?.text_en : one?.text) ?? ''
}
