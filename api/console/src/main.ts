/** Composition of the page: language, addresses, styles, and where a lost session leads. */
import './element.ts'
import './styles/console.css'

import { createApp } from 'vue'

import { whenSignedOut } from './api/http'
import App from './App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { forgetUser } from './session'

whenSignedOut(() => {
  forgetUser()
  const from = router.currentRoute.value
  if (from.name !== 'sign-in') void router.push({ name: 'sign-in', query: { to: from.fullPath, ended: '1' } })
})

createApp(App).use(i18n).use(router).mount('#app')
