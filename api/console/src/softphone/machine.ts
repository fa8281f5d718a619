/** What the telephone in the page is doing, as a pure rule: a state and an event give a state and what is to be done. */

/** `elsewhere`: another window has it. `refused`: the PBX does not let it in. */
export type Line = 'off' | 'opening' | 'ready' | 'lost' | 'elsewhere' | 'refused'
export type Phase = 'none' | 'ringing' | 'answering' | 'talking'
export type Notice = 'missed' | 'media_lost' | 'no_microphone' | 'failed'

export interface Phone {
  readonly line: Line
  readonly phase: Phase
  readonly caller: string
  readonly muted: boolean
  readonly notice: Notice | null
}

export type Event =
  | { kind: 'open' }
  | { kind: 'close' }
  | { kind: 'registered' }
  | { kind: 'lost'; code: number }
  | { kind: 'refused' }
  | { kind: 'rings'; caller: string; auto: boolean }
  | { kind: 'answer' }
  | { kind: 'decline' }
  | { kind: 'hang_up' }
  | { kind: 'connected' }
  | { kind: 'over'; why: 'put_down' | 'not_taken' | 'failed' | 'no_microphone' }
  | { kind: 'media_lost' }
  | { kind: 'mute'; on: boolean }

export type Effect = 'connect' | 'disconnect' | 'new_account' | 'ring' | 'quiet' | 'beep' | 'answer' | 'decline' | 'hang_up' | 'mute' | 'unmute'
export type Step = readonly [Phone, readonly Effect[]]

/** Codes with which the server closes the socket. */
export const SESSION_OVER = 4401
export const ELSEWHERE = 4409

export const OFF: Phone = { line: 'off', phase: 'none', caller: '', muted: false, notice: null }

const NO_CALL = { phase: 'none', caller: '', muted: false } as const

export function next(phone: Phone, event: Event): Step {
  switch (event.kind) {
    case 'open':
    case 'close':
      return openOrClose(phone, event.kind)
    case 'registered':
      return phone.line === 'off' || phone.line === 'elsewhere' ? [phone, []] : [{ ...phone, line: 'ready' }, []]
    case 'lost':
      return lost(phone, event.code)
    case 'refused':
      return refused(phone)
    case 'rings':
      return rings(phone, event)
    case 'mute':
      return phone.phase === 'talking' ? [{ ...phone, muted: event.on }, [event.on ? 'mute' : 'unmute']] : [phone, []]
    default:
      return inCall(phone, event)
  }
}

function openOrClose(phone: Phone, kind: 'open' | 'close'): Step {
  if (kind === 'open') {
    const isOpen = phone.line === 'opening' || phone.line === 'ready' || phone.line === 'lost'
    return isOpen ? [phone, []] : [{ ...OFF, line: 'opening' }, ['new_account', 'connect']]
  }
  if (phone.line === 'off') return [phone, []]
  return [OFF, [...put(phone), 'disconnect']]
}

/** How a call is left that is still there. */
function put(phone: Phone): Effect[] {
  if (phone.phase === 'ringing') return ['quiet', 'decline']
  return phone.phase === 'none' ? [] : ['quiet', 'hang_up']
}

function lost(phone: Phone, code: number): Step {
  if (phone.line === 'off' || phone.line === 'elsewhere' || phone.line === 'refused') return [phone, []]
  if (code === ELSEWHERE) return [{ ...OFF, line: 'elsewhere' }, [...put(phone), 'disconnect']]
  if (code === SESSION_OVER) return [OFF, [...put(phone), 'disconnect']]
  // A talk goes on: its sound does not come through the socket. What only rang is gone.
  const still = phone.phase === 'talking'
  return [{ ...phone, ...(still ? {} : NO_CALL), line: 'lost' }, phone.phase === 'ringing' ? ['quiet'] : []]
}

/** The password has been replaced, by another window or because the PBX forgot it: one more try with a new one. */
function refused(phone: Phone): Step {
  if (phone.line === 'off' || phone.line === 'elsewhere') return [phone, []]
  if (phone.line === 'opening') return [{ ...OFF, line: 'refused' }, ['disconnect']]
  return [{ ...phone, line: 'opening' }, ['new_account', 'connect']]
}

function rings(phone: Phone, event: { caller: string; auto: boolean }): Step {
  if (phone.phase !== 'none' || phone.line === 'off' || phone.line === 'elsewhere') return [phone, ['decline']]
  const call = { ...phone, caller: event.caller, muted: false, notice: null }
  if (event.auto) return [{ ...call, phase: 'answering' }, ['beep', 'answer']]
  return [{ ...call, phase: 'ringing' }, ['ring']]
}

type InCall = Extract<Event, { kind: 'answer' | 'decline' | 'hang_up' | 'connected' | 'over' | 'media_lost' }>

function inCall(phone: Phone, event: InCall): Step {
  if (phone.phase === 'none') return [phone, []]
  switch (event.kind) {
    case 'answer':
      return phone.phase === 'ringing' ? [{ ...phone, phase: 'answering' }, ['quiet', 'answer']] : [phone, []]
    case 'decline':
      return phone.phase === 'ringing' ? [{ ...phone, ...NO_CALL }, ['quiet', 'decline']] : [phone, []]
    case 'connected':
      return phone.phase === 'answering' ? [{ ...phone, phase: 'talking' }, []] : [phone, []]
    case 'hang_up':
      return [{ ...phone, ...NO_CALL }, put(phone)]
    case 'media_lost':
      return [{ ...phone, ...NO_CALL, notice: 'media_lost' }, put(phone)]
    case 'over':
      return [{ ...phone, ...NO_CALL, notice: noticeOf(phone.phase, event.why) }, ['quiet']]
  }
}

function noticeOf(phase: Phase, why: 'put_down' | 'not_taken' | 'failed' | 'no_microphone'): Notice | null {
  if (why === 'no_microphone') return 'no_microphone'
  if (phase === 'ringing') return 'missed'
  return why === 'failed' ? 'failed' : null
}
