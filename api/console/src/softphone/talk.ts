/** Commands on the talk of one's own seat, whichever telephone has it: telephony carries them out. */
import { part, post } from '../api/http'
import type { TalkAction } from './standing'

export const command = (callId: string, action: TalkAction, target = ''): Promise<void> =>
  post(`/calls/${part(callId)}/talk`, { action, target })
