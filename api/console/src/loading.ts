/** Loading of one thing, and of a list by pages: what came, what failed, what is under way. */
import { onScopeDispose, ref, shallowRef, watch, type WatchSource } from 'vue'

import { get } from './api/http'
import type { Page } from './api/types'

/** One thing that is asked for now, whenever `sources` change, and on `reload()`. A late answer to an old question is dropped. */
export function useThing<T>(ask: () => Promise<T>, sources: WatchSource[] = []) {
  const thing = shallowRef<T | null>(null)
  const problem = shallowRef<unknown>(null)
  const busy = ref(false)
  let turn = 0

  async function reload(): Promise<void> {
    const mine = ++turn
    busy.value = true
    try {
      const came = await ask()
      if (mine !== turn) return
      thing.value = came
      problem.value = null
    } catch (error) {
      if (mine === turn) problem.value = error
    } finally {
      if (mine === turn) busy.value = false
    }
  }

  watch(sources, reload, { immediate: true })
  onScopeDispose(() => turn++)
  return { thing, problem, busy, reload }
}

/** A list with a cursor; changing `query` starts from the first page. */
export function useList<T>(path: string, query: () => { [name: string]: string | null }) {
  const items = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const { thing, problem, busy, reload } = useThing(() => get<Page<T>>(path, { limit: 30, ...query() }), [
    () => JSON.stringify(query()),
  ])
  const loaded = ref(false)

  watch(thing, (page) => {
    if (!page) return
    items.value = page.items
    next.value = page.next
    loaded.value = true
  })

  async function more(): Promise<void> {
    busy.value = true
    try {
      const page = await get<Page<T>>(path, { limit: 30, ...query(), cursor: next.value })
      items.value = [...items.value, ...page.items]
      next.value = page.next
    } catch (error) {
      problem.value = error
    } finally {
      busy.value = false
    }
  }

  return { items, next, problem, busy, loaded, reload, more }
}
