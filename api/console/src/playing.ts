/** One audio element and where it stands; shared by the player, the transcript and the fields of a work order. */
import { inject, onScopeDispose, provide, ref, type InjectionKey } from 'vue'

export function createPlaying() {
  const audio = new Audio()
  audio.preload = 'metadata'
  const at = ref(0)
  const length = ref(0)
  const playing = ref(false)
  const failed = ref(false)
  let until: number | null = null
  let frame = 0

  // `timeupdate` comes four times a second, too coarse to follow words: read the clock at each frame while playing.
  function follow(): void {
    at.value = audio.currentTime
    if (until !== null && audio.currentTime >= until) audio.pause()
    frame = playing.value ? requestAnimationFrame(follow) : 0
  }

  audio.onplay = () => {
    playing.value = true
    failed.value = false
    cancelAnimationFrame(frame)
    follow()
  }
  audio.onpause = () => {
    playing.value = false
    until = null
  }
  audio.onended = audio.onpause
  audio.ontimeupdate = () => (at.value = audio.currentTime)
  audio.onseeked = audio.ontimeupdate
  audio.onloadedmetadata = () => (length.value = audio.duration)
  audio.onerror = () => (failed.value = true)

  function start(): void {
    audio.play().catch((error: unknown) => {
      // A pause or a new place before the first sound is no failure.
      if (!(error instanceof DOMException && error.name === 'AbortError')) failed.value = true
    })
  }

  const control = {
    at,
    length,
    playing,
    failed,
    /** Take this recording; `seconds` is its length until the browser knows better. */
    load(address: string, seconds: number): void {
      length.value = seconds
      failed.value = false
      audio.src = address
    },
    toggle(): void {
      until = null
      if (playing.value) audio.pause()
      else start()
    },
    /** Go to a place without starting. */
    seek(seconds: number): void {
      until = null
      audio.currentTime = seconds
      at.value = seconds
    },
    /** Play from a place, to its end when one is given. */
    playFrom(seconds: number, end: number | null = null): void {
      audio.currentTime = Math.max(0, seconds)
      at.value = Math.max(0, seconds)
      until = end
      start()
    },
    speed(rate: number): void {
      audio.playbackRate = rate
    },
  }

  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    audio.onerror = null
    audio.pause()
    audio.removeAttribute('src')
    audio.load()
  })
  return control
}

export type Playing = ReturnType<typeof createPlaying>
const KEY: InjectionKey<Playing> = Symbol('playing')

/** The page owns the sound; its parts share it. */
export function providePlaying(): Playing {
  const playing = createPlaying()
  provide(KEY, playing)
  return playing
}

export function usePlaying(): Playing {
  const playing = inject(KEY)
  if (!playing) throw new Error('providePlaying() is missing above this part')
  return playing
}
