/** What went wrong, in words a person can act on. */
import { Problem } from './api/http'
import { i18n, language, word } from './i18n'

/** A sentence for the person in front of the page. */
export function explain(error: unknown): string {
  const { t } = i18n.global
  if (!(error instanceof Problem)) return String(error)
  if (error.status === 0) return t('problem.network')
  if (i18n.global.te(`words.problem.${error.code}`)) return word('problem', error.code)
  if (error.status === 403) return t('problem.forbidden')
  if (error.status === 404) return t('problem.missing')
  if (error.status >= 500 && error.status !== 503) return t('problem.server', { status: error.status })
  // The API explains refusals in Chinese; readers of English get at least the stable code with it.
  const detail = error.detail || t('problem.server', { status: error.status })
  return language.value === 'en' ? `${detail} (${error.code})` : detail
}
