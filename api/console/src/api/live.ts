/** The live picture over server-sent events, with an honest word about how fresh it is. */
import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { trustServer } from '../clock'
import { get, Problem } from './http'
import type { Board, Snapshot } from './types'

/** `stale`: the stream is open, and nothing comes although the server speaks every two seconds. */
export type LinkState = 'connecting' | 'live' | 'stale' | 'reconnecting'

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 15_000
const STALE_AFTER_MS = 6_000
const BOARD_STALE_AFTER_MS = 4_000
/** An open stream that is silent for so long leads nowhere any more: a computer that slept, a proxy that forgot. */
const GIVE_UP_AFTER_MS = 20_000

type Live = ReturnType<typeof follow<Snapshot>>
let shared: Live | null = null
let users = 0

/** Follow /api/live while some part of the page wants it: one stream for all of them. */
export function useLive(): Pick<Live, 'snapshot' | 'link'> {
  shared ??= follow<Snapshot>('/api/live', STALE_AFTER_MS)
  users += 1
  onScopeDispose(() => {
    users -= 1
    if (users) return
    shared?.close()
    shared = null
  })
  return shared
}

/** The wallboard; it speaks every second, and silence is said sooner because people only look, never ask. */
export function useBoard() {
  const board = follow<Board>('/api/live/board', BOARD_STALE_AFTER_MS)
  onScopeDispose(board.close)
  return board
}

/** The browser retries a lost link; a refused one is tried again by us. */
function follow<T extends { at: string }>(address: string, staleAfterMs: number) {
  const snapshot = shallowRef<T | null>(null)
  const state = ref<LinkState>('connecting')
  const silentMs = ref(0)
  let heardAt = Date.now()
  let source: EventSource | null = null
  let retry: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_RETRY_MS

  function open(): void {
    source = new EventSource(address)
    source.onopen = () => {
      state.value = 'live'
      hear()
      wait = FIRST_RETRY_MS
    }
    source.addEventListener('snapshot', (event: MessageEvent<string>) => {
      const taken = JSON.parse(event.data) as T
      trustServer(taken.at)
      snapshot.value = taken
      hear()
      state.value = 'live'
    })
    source.onerror = () => {
      state.value = 'reconnecting'
      if (source?.readyState === EventSource.CLOSED) void again()
    }
  }

  // A refused stream may mean that the session ended: an ordinary request finds out and leads to sign-in.
  async function again(): Promise<void> {
    source?.close()
    try {
      await get('/seats')
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return
    }
    retry = setTimeout(open, wait)
    wait = Math.min(wait * 2, LONGEST_RETRY_MS)
  }

  const link = computed<LinkState>(() =>
    state.value === 'live' && silentMs.value > staleAfterMs ? 'stale' : state.value,
  )

  function hear(): void {
    heardAt = Date.now()
    silentMs.value = 0
  }

  function listen(): void {
    silentMs.value = Date.now() - heardAt
    if (state.value !== 'live' || silentMs.value < GIVE_UP_AFTER_MS) return
    state.value = 'reconnecting'
    void again()
  }

  open()
  const ears = setInterval(listen, 1000)
  function close(): void {
    clearInterval(ears)
    clearTimeout(retry)
    source?.close()
    source = null
  }
  return { snapshot, link, close }
}
