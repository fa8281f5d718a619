/** Which window of this browser has the telephone: one at a time, and the next one when it is closed. */
const LOCK = 'hotline.softphone'

/** `whenTaken`: another window has taken it. Where the browser knows no locks, every window is alone. */
export function useTurn(whenTaken: () => void) {
  let give: (() => void) | null = null
  let asking: AbortController | null = null

  function ask(options: LockOptions): Promise<boolean> {
    leave()
    if (!navigator.locks) return Promise.resolve(true)
    return new Promise((answer) => {
      let mine: (() => void) | null = null
      const held = (): Promise<void> => {
        answer(true)
        return new Promise((done) => (give = mine = done))
      }
      navigator.locks.request(LOCK, options, held).catch(() => {
        answer(false)
        if (mine === null || give !== mine) return
        give = null
        whenTaken()
      })
    })
  }

  function leave(): void {
    asking?.abort()
    asking = null
    give?.()
    give = null
  }

  return {
    /** Have it now, whoever has it. */
    take: () => ask({ steal: true }),
    /** Have it when no other window has it; false when it is not wanted any more. */
    wait: () => {
      const stop = new AbortController()
      const asked = ask({ signal: stop.signal })
      asking = stop
      return asked
    },
    isFree: async () => !navigator.locks || !(await navigator.locks.query()).held?.some((lock) => lock.name === LOCK),
    isMine: () => give !== null,
    leave,
  }
}
