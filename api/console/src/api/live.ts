/** The live picture over server-sent events, with an honest word about how fresh it is. */
import { onScopeDispose, ref, shallowRef } from 'vue'

import { trustServer } from '../clock'
import { get, Problem } from './http'
import type { Snapshot } from './types'

export type LinkState = 'connecting' | 'live' | 'reconnecting'

const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 15_000

/** Follow /api/live while the page is open. The browser retries a lost link; a refused one is tried again by us. */
export function useLive() {
  const snapshot = shallowRef<Snapshot | null>(null)
  const link = ref<LinkState>('connecting')
  const heardAt = ref<number | null>(null)
  let source: EventSource | null = null
  let retry: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_RETRY_MS

  function open(): void {
    source = new EventSource('/api/live')
    source.onopen = () => {
      link.value = 'live'
      wait = FIRST_RETRY_MS
    }
    source.addEventListener('snapshot', (event: MessageEvent<string>) => {
      const taken = JSON.parse(event.data) as Snapshot
      trustServer(taken.at)
      snapshot.value = taken
      heardAt.value = Date.now()
      link.value = 'live'
    })
    source.onerror = () => {
      link.value = 'reconnecting'
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

  open()
  onScopeDispose(() => {
    clearTimeout(retry)
    source?.close()
    source = null
  })
  return { snapshot, link, heardAt }
}
