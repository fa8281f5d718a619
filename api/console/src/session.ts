/** Who is signed in. The cookie is the browser's affair; here is only what the page may show. */
import { readonly, ref } from 'vue'

import { get, post, Problem, remove } from './api/http'
import type { User } from './api/types'

const user = ref<User | null>(null)
let asked: Promise<void> | null = null

export const currentUser = readonly(user)

/** Says only that somebody signed in here, so that a first visit asks nothing that must be refused. */
const KEY = 'hotline.signed-in'

/** Ask the API once who this browser is; later calls wait for the same answer. */
export function knowUser(): Promise<void> {
  if (!localStorage.getItem(KEY)) return Promise.resolve()
  asked ??= get<{ user: User }>('/session').then(
    (answer) => {
      user.value = answer.user
    },
    (error: unknown) => {
      user.value = null
      if (error instanceof Problem && error.status === 401) localStorage.removeItem(KEY)
      // A server that is away is not a person who is signed out: ask again at the next page.
      if (!(error instanceof Problem && error.status === 401)) asked = null
    },
  )
  return asked
}

/** The browser comes back from the identity provider with a session: ask for it although nobody typed a password. */
export function expectUser(): void {
  localStorage.setItem(KEY, '1')
  asked = null
}

export async function signIn(login: string, password: string): Promise<void> {
  const answer = await post<{ user: User }>('/session', { login, password })
  user.value = answer.user
  localStorage.setItem(KEY, '1')
  asked = Promise.resolve()
}

export async function signOut(): Promise<void> {
  try {
    await remove('/session')
  } finally {
    forgetUser()
  }
}

/** The session has ended on the server. */
export function forgetUser(): void {
  user.value = null
  localStorage.removeItem(KEY)
  asked = Promise.resolve()
}
