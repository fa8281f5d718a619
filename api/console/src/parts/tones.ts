/** Which colour a word has. */
type Tone = 'good' | 'warn' | 'bad' | 'calm' | 'busy' | 'brand'

const TONES = {
  callState: { in_flow: 'calm', waiting: 'warn', offered: 'brand', talking: 'good', ended: 'calm' },
  outcome: { answered: 'good', abandoned_in_prompt: 'warn', abandoned_in_queue: 'bad', self_served: 'brand', refused: 'warn', lost: 'bad' },
  transcriptState: { done: 'good', waiting: 'brand', waiting_model: 'warn', failed: 'bad' },
  seatState: { signed_out: 'calm', ready: 'good', offered: 'brand', talking: 'brand', wrap_up: 'busy', paused: 'warn' },
  ticketState: {
    draft: 'calm',
    open: 'warn',
    dispatched: 'brand',
    done: 'good',
    closed: 'calm',
    reopened: 'bad',
    withdrawn: 'calm',
  },
  urgency: { normal: 'calm', urgent: 'bad' },
  solved: { yes: 'good', partly: 'warn', no: 'bad' },
  score: { 5: 'good', 4: 'good', 3: 'calm', 2: 'warn', 1: 'bad' },
  surveyState: { planned: 'calm', dialling: 'brand', waiting: 'warn', finished: 'good' },
  surveyResult: {
    answered: 'good',
    partial: 'warn',
    no_contact: 'calm',
    rejected: 'calm',
    invalid_number: 'calm',
    machine_only: 'calm',
    failed: 'bad',
    cancelled: 'calm',
  },
  attemptState: { requested: 'calm', dialling: 'brand', ended: 'calm' },
  attemptOutcome: {
    answered: 'good',
    busy: 'warn',
    no_answer: 'warn',
    rejected: 'warn',
    invalid: 'calm',
    machine: 'calm',
    congestion: 'bad',
    unreachable: 'warn',
    failed: 'bad',
    lost: 'bad',
  },
} as const satisfies { [group: string]: { [value: string | number]: Tone } }

export type Toned = keyof typeof TONES

export function toneOf(group: Toned, value: string | number | null | undefined): Tone {
  const tones = TONES[group] as { [value: string | number]: Tone }
  return (value !== null && value !== undefined && tones[value]) || 'calm'
}
