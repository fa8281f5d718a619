/** Times as people read them: the city's wall clock, durations, and one shared second hand. */
import { onScopeDispose, ref } from 'vue'

const ZONE = 'Asia/Shanghai'
/** Chinese order in both languages: 2026-11-22 18:30:05 is read the same everywhere. */
const parts = new Intl.DateTimeFormat('sv-SE', {
  timeZone: ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** "2026-11-22 18:30:05" in the city's zone; a dash for what is not known. */
export function dateTime(value: string | null | undefined): string {
  return value ? parts.format(new Date(value)) : '–'
}

/** Only the time of day. */
export function timeOfDay(value: string | null | undefined): string {
  return value ? dateTime(value).slice(11) : '–'
}

/** Month, day and minutes: for lists. */
export function shortTime(value: string | null | undefined): string {
  return value ? dateTime(value).slice(5, 16) : '–'
}

/** Seconds as "0:07", "12:03" or "1:02:03". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return '–'
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** How far the server's clock is ahead of this computer's, in milliseconds. */
let ahead = 0

/** Take the server's word for what time it is, so that running clocks are right on any computer. */
export function trustServer(at: string): void {
  const known = Date.parse(at)
  if (!Number.isNaN(known)) ahead = known - Date.now()
}

const now = ref(Date.now())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The server's present moment in milliseconds, moving once a second while somebody looks. */
export function useNow() {
  if (watchers++ === 0) {
    now.value = Date.now() + ahead
    timer = setInterval(() => (now.value = Date.now() + ahead), 1000)
  }
  onScopeDispose(() => {
    if (--watchers === 0) clearInterval(timer)
  })
  return now
}

/** Whole seconds from a moment until now, never negative. */
export function secondsSince(value: string | null | undefined, nowMs: number): number | null {
  return value ? Math.max(0, (nowMs - Date.parse(value)) / 1000) : null
}
