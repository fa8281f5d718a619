/** What the API speaks, by the names the console uses. */

export type CallState = 'in_flow' | 'waiting' | 'offered' | 'talking' | 'ended'
export type SeatState = 'signed_out' | 'ready' | 'offered' | 'talking' | 'wrap_up' | 'paused'
export type Leg = 'caller' | 'seat'

export interface User {
  login: string
  display_name: string
  role: string
  seat: string | null
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface Call {
  id: string
  line: string
  caller: string
  caller_name: string
  state: string
  outcome: string | null
  seat: string | null
  arrived_at: string | null
  asked_at: string | null
  answered_at: string | null
  talk_ended_at: string | null
  ended_at: string | null
  wait_s: number | null
  talk_s: number | null
  fallback: boolean
  repaired: string | null
  has_recording: boolean
  transcript_state: string | null
  ticket_id: number | null
  ticket_number: string | null
  path: { [key: string]: unknown }[]
}

export interface FactLine {
  seq: number
  name: string
  at: string
  source: string
  payload: { [key: string]: unknown }
}

export interface Recording {
  id: string
  duration_s: number
  sha256: string
  state: string
  size_bytes: number
}

export interface Word {
  w: string
  s: number
  e: number
  c: number
}

export interface Turn {
  leg: string
  start_s: number
  end_s: number
  text: string
  confidence: number | null
  words: Word[]
}

export interface Transcript {
  state: string
  reason: string
  model: string
  model_is_demo: boolean
  turns: Turn[]
}

export interface Span {
  turn: number
  start: number
  end: number
  start_s: number
  end_s: number
  text: string
}

export interface TicketField {
  value: string | null
  score?: number | null
  reason?: string | null
  spans?: Span[]
  edited_by?: string | null
}

export interface Ticket {
  id: number
  number: string
  call_id: string | null
  state: string
  category: string | null
  category_name: string | null
  place: string | null
  contact: string | null
  contact_name: string | null
  happened: string | null
  summary: string | null
  urgency: string | null
  department: string | null
  department_name: string | null
  fields: { [name: string]: TicketField }
  reopened: number
  solved: string | null
  score: number | null
  created_at: string
  updated_at: string
  version: number
}

export interface Move {
  was: string
  now: string
  actor: string
  reason: string
  at: string
}

export interface Attempt {
  id: string
  n: number
  state: string
  outcome: string | null
  answers: { [name: string]: unknown }
  sip_code: number | null
  cause: number | null
  requested_at: string
  dialled_at: string | null
  ended_at: string | null
}

export interface Survey {
  id: string
  ticket_id: number
  ticket_number: string
  round: number
  number: string
  state: string
  result: string | null
  solved: string | null
  score: number | null
  attempts: Attempt[]
  next_at: string | null
  created_at: string
  finished_at: string | null
}

export interface Seat {
  id: string
  state: string
  reason: string
  since: string
  call_id: string | null
  agent: string | null
  calls_taken: number
  reachable: boolean | null
}

export interface AnswerRate {
  definition: { name: string; version: string; text: string; source: string }
  from: string
  to: string
  offered: number
  answered: number
  abandoned_in_prompt: number
  abandoned_in_queue: number
  lost: number
  self_served: number
  answer_rate: number | null
  answered_within_15s: number
  rate_15s_of_offered: number | null
  rate_15s_of_answered: number | null
  average_speed_of_answer_s: number | null
  longest_wait_s: number | null
  waiting_now: number
  longest_waiting_now_s: number | null
}

export interface Snapshot {
  calls: Call[]
  seats: Seat[]
  waiting: unknown
  answer_rate: AnswerRate
  latest_tickets: Ticket[]
  latest_surveys: Survey[]
  telephony: boolean
  at: string
}

export interface CallDetail {
  call: Call
  facts: FactLine[]
  recording: Recording | null
  transcript: Transcript | null
  ticket: Ticket | null
}

export interface TicketDetail {
  ticket: Ticket
  moves: Move[]
  surveys: Survey[]
  call: Call | null
  allowed: string[]
}

export interface Health {
  status: string
  version: string
  pbx: { connected: boolean; version: string | null }
  model: { name: string; is_demo: boolean }
}
