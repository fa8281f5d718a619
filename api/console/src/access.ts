/** What a person may see and do in the page, by the permissions of the session. The API decides; this only spares people buttons that would be refused. */
import { computed } from 'vue'

import type { Permission } from './api/types'
import { currentUser } from './session'

export type Place = 'overview' | 'calls' | 'tickets' | 'call-backs' | 'figures' | 'compare' | 'wall' | 'users' | 'audit'

const NEEDS: { [place in Place]: Permission } = {
  overview: 'live.read',
  calls: 'calls.read',
  tickets: 'tickets.read',
  'call-backs': 'surveys.read',
  figures: 'metrics.read',
  compare: 'metrics.read',
  wall: 'metrics.read',
  users: 'users.manage',
  audit: 'audit.read',
}

export function may(permission: Permission): boolean {
  return currentUser.value?.permissions.includes(permission) ?? false
}

export const places = computed<Place[]>(() => (Object.keys(NEEDS) as Place[]).filter((place) => may(NEEDS[place])))

export function mayChangeSeat(seat: string): boolean {
  return may('seats.change_any') || (may('seats.change_own') && currentUser.value?.seat === seat)
}
