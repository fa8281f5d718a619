/** What is said in a talk that goes on, line by line, and the work order that follows from it so far. */
import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { part } from './api/http'
import type { LiveLine, LiveText } from './api/types'

const RETRY_MS = 3000

export function useLiveText(callId: string) {
  const state = ref<LiveText['state'] | 'connecting'>('connecting')
  const lines = shallowRef<ReadonlyMap<string, LiveLine>>(new Map())
  const values = shallowRef<NonNullable<LiveText['values']>>({})
  const fields = shallowRef<NonNullable<LiveText['fields']>>({})
  let source: EventSource | null = null
  let retry: ReturnType<typeof setTimeout> | undefined

  function take(text: LiveText): void {
    state.value = text.state
    if (text.lines?.length) {
      const all = new Map(lines.value)
      for (const line of text.lines) all.set(`${line.leg}-${line.n}`, line)
      lines.value = all
    }
    if (text.values) values.value = text.values
    if (text.fields) fields.value = text.fields
    if (text.state === 'over') close()
  }

  function open(): void {
    source = new EventSource(`/api/calls/${part(callId)}/live-text`)
    source.addEventListener('text', (event: MessageEvent<string>) => take(JSON.parse(event.data) as LiveText))
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return
      retry = setTimeout(open, RETRY_MS)
    }
  }

  function close(): void {
    clearTimeout(retry)
    source?.close()
    source = null
  }

  open()
  onScopeDispose(close)
  /** In the order in which they were begun. */
  const inOrder = computed(() =>
    [...lines.value.values()].toSorted((a, b) => a.start_s - b.start_s || a.leg.localeCompare(b.leg)),
  )
  return { state, lines: inOrder, values, fields }
}
