/** How a talk stands, and what can be done with it then. Pure. */
export type TalkAction = 'hold' | 'resume' | 'transfer' | 'consult' | 'complete' | 'cancel' | 'conference' | 'hang_up'

/** How the talk stands; telephony says it in the reason of the seat's state. */
export type Standing = 'two' | 'held' | 'consulting' | 'together'

const BY_REASON: { [reason: string]: Standing } = { 通话保持: 'held', 咨询中: 'consulting', 三方通话: 'together' }

const POSSIBLE: { [standing in Standing]: readonly TalkAction[] } = {
  two: ['hold', 'transfer', 'consult', 'conference'],
  held: ['resume', 'transfer', 'consult'],
  consulting: ['complete', 'conference', 'cancel'],
  together: ['complete', 'cancel'],
}
/** Those that want a seat, an outside number or a skill. */
export const AIMED: readonly TalkAction[] = ['transfer', 'consult', 'conference']

export const standingOf = (seat: { reason: string }): Standing => BY_REASON[seat.reason] ?? 'two'

export const possible = (standing: Standing): readonly TalkAction[] => POSSIBLE[standing]

/** Whether this action wants a target in this standing: a conference takes in who is consulted already. */
export const isAimed = (action: TalkAction, standing: Standing): boolean =>
  AIMED.includes(action) && !(action === 'conference' && standing === 'consulting')
