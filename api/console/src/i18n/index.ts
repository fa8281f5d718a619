/** Language of the page: Chinese unless the person chose otherwise in this browser. */
import { watchEffect } from 'vue'
import { createI18n } from 'vue-i18n'

import { en } from './en.ts'
import { zhCN, type Messages } from './zh-CN.ts'

export type Language = 'zh-CN' | 'en'
const KEY = 'hotline.language'

export const i18n = createI18n<[Messages], Language, false>({
  legacy: false,
  locale: localStorage.getItem(KEY) === 'en' ? 'en' : 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

export const language = i18n.global.locale

export function switchLanguage(): void {
  language.value = language.value === 'en' ? 'zh-CN' : 'en'
  localStorage.setItem(KEY, language.value)
}

watchEffect(() => {
  document.documentElement.lang = language.value
  document.title = i18n.global.t('app.title')
})

/** A word of the system in the person's language; a word that we do not know is shown as it is. */
export function word(group: keyof Messages['words'], value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === '') return i18n.global.t('common.none')
  const key = `words.${group}.${value}`
  return i18n.global.te(key) || i18n.global.te(key, 'zh-CN') ? i18n.global.t(key) : String(value)
}
