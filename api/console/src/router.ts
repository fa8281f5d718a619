/** Addresses of the pages; each page is its own piece of code, fetched when it is needed. */
import { ElMessage } from 'element-plus'
import { createRouter, createWebHistory } from 'vue-router'

import { places, type Place } from './access'
import { Problem } from './api/http'
import { explain } from './problems'
import { currentUser, expectUser, knowUser } from './session'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/sign-in', name: 'sign-in', component: () => import('./pages/SignIn.vue') },
    { path: '/wall', name: 'wall', component: () => import('./pages/WallPage.vue'), meta: { place: 'wall' } },
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
        { path: 'figures', name: 'figures', component: () => import('./pages/FiguresPage.vue'), meta: { place: 'figures' } },
        { path: 'compare', name: 'compare', component: () => import('./pages/ComparePage.vue'), meta: { place: 'compare' } },
        { path: 'users', name: 'users', component: () => import('./pages/UsersPage.vue'), meta: { place: 'users' } },
        { path: 'audit', name: 'audit', component: () => import('./pages/AuditPage.vue'), meta: { place: 'audit' } },
        { path: ':rest(.*)*', name: 'nowhere', component: () => import('./pages/NowherePage.vue') },
      ],
    },
  ],
})

// A page's code that cannot be fetched: the network is away, or a new version was installed and old files are gone.
// Loading everything anew mends the second, but is tried once only, or a server that is half away would make a loop.
const RELOADED = 'hotline.reloaded'
router.onError((error, to) => {
  const tried = sessionStorage.getItem(RELOADED) === to.fullPath
  sessionStorage.setItem(RELOADED, to.fullPath)
  if (navigator.onLine && !tried) location.assign(to.fullPath)
  else ElMessage.error(explain(new Problem(0, 'network', String(error))))
})
router.afterEach((_to, _from, failure) => {
  if (!failure) sessionStorage.removeItem(RELOADED)
})

router.beforeEach(async (to) => {
  if (to.name === 'sign-in' && to.query.welcome) expectUser()
  await knowUser()
  if (to.name === 'sign-in') {
    const wanted = String(to.query.to ?? '/')
    // Only an address of our own: "//elsewhere" would leave the console.
    return currentUser.value ? (/^\/(?!\/)/.test(wanted) ? wanted : '/') : true
  }
  if (!currentUser.value) return { name: 'sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  const place = to.meta.place as Place | undefined
  if (place && !places.value.includes(place)) return { name: places.value[0] }
  return true
})
