/** Addresses of the pages; each page is its own piece of code, fetched when it is needed. */
import { createRouter, createWebHistory } from 'vue-router'

import { places, type Place } from './access'
import { currentUser, knowUser } from './session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: () => import('./pages/SignIn.vue') },
    {
      path: '/',
      component: () => import('./layout/ConsoleLayout.vue'),
      children: [
        { path: '', name: 'overview', component: () => import('./pages/OverviewPage.vue'), meta: { place: 'overview' } },
        { path: 'calls', name: 'calls', component: () => import('./pages/CallsPage.vue'), meta: { place: 'calls' } },
        {
          path: 'calls/:id',
          name: 'call',
          component: () => import('./pages/CallPage.vue'),
          props: true,
          meta: { place: 'calls' },
        },
        { path: 'tickets', name: 'tickets', component: () => import('./pages/TicketsPage.vue'), meta: { place: 'tickets' } },
        {
          path: 'tickets/:id',
          name: 'ticket',
          component: () => import('./pages/TicketPage.vue'),
          props: true,
          meta: { place: 'tickets' },
        },
        {
          path: 'call-backs',
          name: 'call-backs',
          component: () => import('./pages/CallBacksPage.vue'),
          meta: { place: 'call-backs' },
        },
        { path: ':rest(.*)*', name: 'nowhere', component: () => import('./pages/NowherePage.vue') },
      ],
    },
  ],
})

router.beforeEach(async (to) => {
  await knowUser()
  if (to.name === 'sign-in') return currentUser.value ? { path: '/' } : true
  if (!currentUser.value) return { name: 'sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  const place = to.meta.place as Place | undefined
  if (place && !places.value.includes(place)) return { name: places.value[0] }
  return true
})
