/** The rule of the telephone in the page. Run by `node --test` (see tests/unit/test_console_rules.py). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ELSEWHERE, type Effect, type Event, next, OFF, type Phone, SESSION_OVER } from '../src/softphone/machine.ts'
import { isAimed, possible, standingOf } from '../src/softphone/standing.ts'

/** The state after these events, and all that was to be done. */
function after(...events: Event[]): [Phone, Effect[]] {
  const done: Effect[] = []
  let phone = OFF
  for (const event of events) {
    const [now, effects] = next(phone, event)
    phone = now
    done.push(...effects)
  }
  return [phone, done]
}

const open: Event = { kind: 'open' }
const registered: Event = { kind: 'registered' }
const rings: Event = { kind: 'rings', caller: '13900000000', auto: false }
const answer: Event = { kind: 'answer' }
const connected: Event = { kind: 'connected' }
const talking = [open, registered, rings, answer, connected]
const lost: Event = { kind: 'lost', code: 1006 }

test('opening asks for a password, registering makes it ready', () => {
  assert.deepEqual(after(open), [{ ...OFF, line: 'opening' }, ['new_account', 'connect']])
  assert.equal(after(open, registered)[0].line, 'ready')
  assert.deepEqual(after(open, open)[1], ['new_account', 'connect'])
})

test('a call rings, is answered by a person, and is talked', () => {
  const [phone, done] = after(...talking)
  assert.deepEqual([phone.phase, phone.caller], ['talking', '13900000000'])
  assert.deepEqual(done.slice(2), ['ring', 'quiet', 'answer'])
})

test('auto-answer gives one tone and takes the call', () => {
  const [phone, done] = after(open, registered, { kind: 'rings', caller: '1', auto: true })
  assert.deepEqual([phone.phase, done.slice(2)], ['answering', ['beep', 'answer']])
})

test('a second call is declined, whatever the first one does', () => {
  const [phone, done] = after(...talking, { kind: 'rings', caller: '2', auto: true })
  assert.deepEqual([phone.phase, phone.caller, done.at(-1)], ['talking', '13900000000', 'decline'])
})

test('a lost socket leaves a talk alone and forgets what only rang', () => {
  assert.deepEqual([after(...talking, lost)[0].line, after(...talking, lost)[0].phase], ['lost', 'talking'])
  const [phone, done] = after(open, registered, rings, lost)
  assert.deepEqual([phone.line, phone.phase, done.at(-1)], ['lost', 'none', 'quiet'])
  assert.equal(after(...talking, lost, registered)[0].line, 'ready')
})

test('another window takes the telephone, with its call', () => {
  const [phone, done] = after(...talking, { kind: 'lost', code: ELSEWHERE })
  assert.deepEqual(phone, { ...OFF, line: 'elsewhere' })
  assert.deepEqual(done.slice(-3), ['quiet', 'hang_up', 'disconnect'])
  assert.equal(after(open, registered, { kind: 'lost', code: SESSION_OVER })[0].line, 'off')
  assert.equal(after(open, registered, { kind: 'lost', code: ELSEWHERE }, lost)[0].line, 'elsewhere')
})

test('a password that is worth nothing any more is replaced once', () => {
  const refused: Event = { kind: 'refused' }
  assert.deepEqual(after(open, registered, refused)[1].slice(-2), ['new_account', 'connect'])
  assert.equal(after(open, registered, refused, refused)[0].line, 'refused')
  assert.equal(after(open, refused)[0].line, 'refused')
})

test('what ends a call says why when the person did not do it', () => {
  assert.equal(after(...talking, { kind: 'over', why: 'put_down' })[0].notice, null)
  assert.equal(after(open, registered, rings, { kind: 'over', why: 'not_taken' })[0].notice, 'missed')
  assert.equal(after(...talking, { kind: 'media_lost' })[0].notice, 'media_lost')
  assert.equal(after(open, registered, rings, answer, { kind: 'over', why: 'no_microphone' })[0].notice, 'no_microphone')
})

test('muting is for talks only, and no talk begins muted', () => {
  const mute: Event = { kind: 'mute', on: true }
  assert.equal(after(open, registered, mute)[0].muted, false)
  assert.equal(after(...talking, mute)[0].muted, true)
  assert.equal(after(...talking, mute, { kind: 'hang_up' }, rings)[0].muted, false)
})

test('closing puts down whatever there is', () => {
  const close: Event = { kind: 'close' }
  assert.deepEqual(after(...talking, close)[1].slice(-3), ['quiet', 'hang_up', 'disconnect'])
  assert.deepEqual(after(open, registered, rings, close)[1].slice(-3), ['quiet', 'decline', 'disconnect'])
  assert.deepEqual(after(close), [OFF, []])
})

test('nothing that happens without a call makes one', () => {
  const events: Event[] = [answer, { kind: 'decline' }, connected, { kind: 'hang_up' }, { kind: 'over', why: 'failed' }, { kind: 'media_lost' }]
  for (const event of events) assert.deepEqual(next({ ...OFF, line: 'ready' }, event), [{ ...OFF, line: 'ready' }, []])
})

test('what can be done follows from how the talk stands', () => {
  assert.equal(standingOf({ reason: '通话保持' }), 'held')
  assert.equal(standingOf({ reason: '' }), 'two')
  assert.deepEqual(possible('consulting'), ['complete', 'conference', 'cancel'])
  assert.equal(isAimed('conference', 'two'), true)
  assert.equal(isAimed('conference', 'consulting'), false)
})
