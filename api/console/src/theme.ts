/** Light or dark: as chosen here, else as the computer says, also when that changes. Kept in this browser only. */
import { ref, watchEffect } from 'vue'

const KEY = 'hotline.theme'
const system = matchMedia('(prefers-color-scheme: dark)')
const kept = localStorage.getItem(KEY)

export const dark = ref(kept ? kept === 'dark' : system.matches)
/** True while nothing else was chosen than what the computer says. */
export const followsSystem = ref(!kept)

/** Switching to what the computer says anyway means: follow it from now on. */
export function switchTheme(): void {
  dark.value = !dark.value
  followsSystem.value = dark.value === system.matches
  if (followsSystem.value) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, dark.value ? 'dark' : 'light')
}

system.addEventListener('change', () => {
  if (followsSystem.value) dark.value = system.matches
})

watchEffect(() => document.documentElement.classList.toggle('dark', dark.value))
