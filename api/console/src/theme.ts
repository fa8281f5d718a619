/** Light or dark: as chosen here, else as the computer says. Kept in this browser only. */
import { ref, watchEffect } from 'vue'

const KEY = 'hotline.theme'
const kept = localStorage.getItem(KEY)

export const dark = ref(kept ? kept === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches)

export function switchTheme(): void {
  dark.value = !dark.value
  localStorage.setItem(KEY, dark.value ? 'dark' : 'light')
}

watchEffect(() => document.documentElement.classList.toggle('dark', dark.value))
