/** What a role may see and do in the page. The API decides; this only spares people buttons that would be refused. */
import { computed } from 'vue'

import { currentUser } from './session'

export type Place = 'overview' | 'calls' | 'tickets' | 'call-backs'

const EVERYWHERE: Place[] = ['overview', 'calls', 'tickets', 'call-backs']
const PLACES: { [role: string]: Place[] } = { department: ['tickets'] }

export const places = computed<Place[]>(() => {
  const role = currentUser.value?.role
  return role ? (PLACES[role] ?? EVERYWHERE) : []
})

/** A department replies by its moves; the content belongs to the hotline. */
export const mayEditTickets = computed(() => currentUser.value?.role !== 'department')

/** Everybody may move their own seat; team leaders, operations and administrators any. */
export function mayChangeSeat(seat: string): boolean {
  const user = currentUser.value
  return Boolean(user && (user.seat === seat || ['leader', 'operations', 'admin'].includes(user.role)))
}
