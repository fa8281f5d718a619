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

export const mayChangeTickets = computed(() => currentUser.value?.role !== 'operations')

/** An agent moves their own seat, a team leader or an administrator any. */
export function mayChangeSeat(seat: string): boolean {
  const user = currentUser.value
  if (!user) return false
  return user.role === 'leader' || user.role === 'admin' || (user.role === 'agent' && user.seat === seat)
}
