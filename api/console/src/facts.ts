/** One fact of a call as a line of its story. */
import type { FactLine } from './api/types'
import { i18n, word } from './i18n'

type Teller = (payload: { [key: string]: unknown }) => (string | null | undefined)[]

const text = (value: unknown): string | null => (typeof value === 'string' || typeof value === 'number' ? String(value) : null)
const seat = (value: unknown): string => i18n.global.t('user.seat', { seat: text(value) ?? '?' })

/** What is worth telling of each fact besides its name. */
const TELL: { [name: string]: Teller } = {
  CallArrived: (p) => [text(p.caller), '→', text(p.line)],
  FlowStarted: (p) => [text(p.flow), text(p.version)?.slice(0, 8)],
  StepEntered: (p) => [text(p.step), p.key ? `[${text(p.key)}]` : null],
  CallerSaid: (p) => [text(p.text)],
  SeatOffered: (p) => [seat(p.seat), text(p.reason)],
  SeatAnswered: (p) => [seat(p.seat)],
  SeatDidNotAnswer: (p) => [seat(p.seat), word('attemptOutcome', text(p.why))],
  FallbackTaken: (p) => [text(p.why)],
  CallRefused: (p) => [word('refusal', text(p.why))],
  SeatDialled: (p) => [seat(p.seat), '→', text(p.number)],
  TalkHeld: (p) => [seat(p.seat)],
  SeatPhoneLost: (p) => [seat(p.seat)],
  TalkResumed: (p) => [seat(p.seat)],
  TalkTransferred: (p) => [text(p.from_seat), '→', text(p.to)],
  ConferenceJoined: (p) => [text(p.party)],
  ConferenceLeft: (p) => [text(p.party)],
  SupervisorListened: (p) => [seat(p.seat), text(p.actor)],
  TalkEnded: (p) => [seat(p.seat), word('by', text(p.by))],
  CallEnded: (p) => [word('cause', text(p.cause)), text(p.detail)],
  CallRepaired: (p) => [text(p.what)],
  SeatStateChanged: (p) => [seat(p.seat), word('seatState', text(p.state)), word('seatReason', text(p.reason) || null)],
  TranscriptReady: (p) => [text(p.model)],
  TranscriptFailed: (p) => [text(p.why)],
  TicketMoved: (p) => [word('ticketState', text(p.was)), '→', word('ticketState', text(p.now))],
}

export function detailOf(fact: FactLine): string {
  return (TELL[fact.name]?.(fact.payload) ?? []).filter((one) => one && one !== '–').join(' ')
}

/** Which dot the line gets. */
export function toneOfFact(name: string): string {
  if (['SeatAnswered', 'RecordingReady', 'TranscriptReady', 'TicketDrafted'].includes(name)) return 'good'
  const bad = ['SeatDidNotAnswer', 'FallbackTaken', 'CallRefused', 'CallRepaired', 'RecordingFlawed', 'TranscriptFailed']
  if (bad.includes(name)) return 'warn'
  return ['CallArrived', 'CallerAskedForHuman', 'SeatOffered'].includes(name) ? 'brand' : 'calm'
}
