/** Keys that do something on the page. Whoever registers one is shown in the help of the `?` key by itself. */
import { onScopeDispose, ref, shallowReactive } from 'vue'

export interface Shortcut {
  /** One key, or several that are pressed one after the other, as in `KeyboardEvent.key`. */
  keys: string[]
  text: () => string
  run: () => void
}

export interface ShortcutGroup {
  title: () => string
  shortcuts: () => Shortcut[]
}

const KEY = 'hotline.shortcuts'
const NEXT_KEY_WITHIN_MS = 1500
const registered = shallowReactive(new Map<symbol, ShortcutGroup>())
/** Who speaks to the computer, or presses keys by accident, can switch single keys off (WCAG 2.1.4). */
export const shortcutsOn = ref(localStorage.getItem(KEY) !== 'off')
export const helpIsOpen = ref(false)

let pressed: string[] = []
let pressedAt = 0

export function switchShortcuts(on: boolean): void {
  shortcutsOn.value = on
  if (on) localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, 'off')
}

/** Offer these keys for as long as the page that asks for them is shown. */
export function useShortcuts(group: ShortcutGroup): void {
  const name = Symbol()
  registered.set(name, group)
  onScopeDispose(() => registered.delete(name))
}

export function shortcutGroups(): ShortcutGroup[] {
  return [...registered.values()].filter((group) => group.shortcuts().length)
}

/** Listen while the console is shown; one listener for all pages. */
export function listenForShortcuts(): void {
  addEventListener('keydown', press)
  onScopeDispose(() => removeEventListener('keydown', press))
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select') !== null)
}

function dialogInFront(): boolean {
  return [...document.querySelectorAll('[aria-modal=true]')].some((dialog) => dialog.checkVisibility())
}

function press(event: KeyboardEvent): void {
  const isOurs = shortcutsOn.value && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing
  if (!isOurs || isTyping(event.target)) return
  // A dialog is in front: its keys are its own, only the help may be closed by the key that opened it.
  if (dialogInFront() && !(helpIsOpen.value && event.key === '?')) return
  const sequence = event.timeStamp - pressedAt < NEXT_KEY_WITHIN_MS ? [...pressed, event.key] : [event.key]
  const known = shortcutGroups().flatMap((group) => group.shortcuts())
  const matches = (keys: string[]) => (shortcut: Shortcut) => keys.every((key, i) => shortcut.keys[i] === key)
  const begun = known.some(matches(sequence)) ? sequence : [event.key]
  const found = known.find((shortcut) => shortcut.keys.length === begun.length && matches(begun)(shortcut))
  pressed = found || !known.some(matches(begun)) ? [] : begun
  pressedAt = event.timeStamp
  if (!found) return
  event.preventDefault()
  found.run()
}
