/** Requests to the API: one way to ask, one way to fail. */

/** A refusal or failure as the API told it (application/problem+json), or as the network did. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Seconds after which trying again has sense; null when the answer did not say. */
    readonly retryAfterS: number | null = null,
  ) {
    super(detail)
  }
}

type Query = { [name: string]: string | number | null | undefined }

let onSignedOut: () => void = () => undefined

/** Called once at start: what to do when the session has ended. */
export function whenSignedOut(action: () => void): void {
  onSignedOut = action
}

async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get('Retry-After')) || null
  try {
    const body = (await response.json()) as { code?: unknown; detail?: unknown; title?: unknown }
    const detail = typeof body.detail === 'string' ? body.detail : String(body.title ?? '')
    return new Problem(response.status, typeof body.code === 'string' ? body.code : 'unknown', detail, retryAfter)
  } catch {
    return new Problem(response.status, 'unknown', response.statusText)
  }
}

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: { [name: string]: string } = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-Requested-With'] = 'hotline'
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
    })
  } catch {
    throw new Problem(0, 'network', '')
  }
  if (!response.ok) {
    const problem = await problemOf(response)
    if (response.status === 401 && path !== '/session') onSignedOut()
    throw problem
  }
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** GET; parameters that are empty are left out. */
export function get<T>(path: string, query: Query = {}): Promise<T> {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return send<T>('GET', text ? `${path}?${text}` : path)
}

export const post = <T>(path: string, body: unknown): Promise<T> => send<T>('POST', path, body)
export const patch = <T>(path: string, body: unknown): Promise<T> => send<T>('PATCH', path, body)
export const remove = (path: string): Promise<void> => send<void>('DELETE', path)

/** A call's id may hold characters that mean something in an address. */
export const part = (id: string | number): string => encodeURIComponent(String(id))
