/** The text of a turn cut into pieces that can be coloured and clicked: its words with their times, and what is between. */
import type { Span, Turn } from './api/types'

export interface Piece {
  text: string
  /** Seconds in the recording; null for punctuation that nobody spoke. */
  start: number | null
  end: number | null
  /** The speaker paused before it: shown as a gap, because recognisers write no punctuation. */
  gap: boolean
  /** Where the piece stands in the turn's text, in characters. */
  from: number
}

const PAUSE_S = 0.2

/** Find each word in the text in order; a word that the text writes differently leaves its letters to the next gap. */
export function piecesOf(turn: Turn): Piece[] {
  const pieces: Piece[] = []
  let place = 0
  let silentSince = turn.start_s
  for (const word of turn.words) {
    const found = turn.text.indexOf(word.w, place)
    if (found < 0) continue
    if (found > place) pieces.push({ text: turn.text.slice(place, found), start: null, end: null, gap: false, from: place })
    pieces.push({ text: word.w, start: word.s, end: word.e, gap: word.s - silentSince >= PAUSE_S, from: found })
    silentSince = word.e
    place = found + word.w.length
  }
  if (place < turn.text.length) {
    // Nothing matched: the whole turn is one piece with the turn's times.
    const whole = place === 0
    pieces.push({
      text: turn.text.slice(place),
      start: whole ? turn.start_s : null,
      end: whole ? turn.end_s : null,
      gap: false,
      from: place,
    })
  }
  return pieces
}

/** Does a piece belong to the words a field came from? By letters, the way the span is written. */
export function isMarked(piece: Piece, turn: number, spans: readonly Span[]): boolean {
  return spans.some((span) => span.turn === turn && piece.from < span.end && piece.from + piece.text.length > span.start)
}
