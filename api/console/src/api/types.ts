/** What the API speaks, by the names the console uses; the shapes come from its OpenAPI document. */
import type { components } from './schema'

type Schemas = components['schemas']

export type User = Schemas['SessionUser']
export type Call = Schemas['CallView']
export type CallDetail = Schemas['CallDetail']
export type FactLine = Schemas['FactView']
export type Recording = Schemas['RecordingView']
export type Transcript = Schemas['TranscriptView']
export type LiveText = Schemas['LiveText']
export type LiveLine = Schemas['LiveLine']
export type Turn = Schemas['TurnView']
export type Span = Schemas['SpanView']
export type Ticket = Schemas['TicketView']
export type TicketDetail = Schemas['TicketDetail']
export type Survey = Schemas['SurveyView']
export type SurveySummary = Schemas['SurveySummary']
export type Catalogue = Schemas['CatalogueView']
export type Definition = Schemas['DefinitionView']
export type Permission = User['permissions'][number]
export type AuditLine = Schemas['AuditView']
export type Users = Schemas['UsersView']
export type UserRow = Schemas['UserView']
export type UserWithPassword = Schemas['UserWithPassword']
export type Ways = Schemas['WaysView']
export type PhoneAccount = Schemas['PhoneAccount']
export type Seat = Schemas['SeatView']
export type AnswerRate = Schemas['AnswerRateView']
export type Snapshot = Schemas['Snapshot']
export type Board = Schemas['BoardView']
export type BoardAlarm = Schemas['AlarmView']
export type Definitions = Schemas['DefinitionsView']
export type FigureDefinition = Schemas['FigureDefinitionView']
export type Formula = Schemas['FormulaRateView']
export type Day = Schemas['DayView']
export type Compared = Schemas['CompareView']
export type Pattern = Schemas['PatternView']
export type CountedCalls = Schemas['CountedCallsView']

/** Some rows of a list; `next` is the cursor of the following page. */
export interface Page<T> {
  items: T[]
  next: string | null
}
