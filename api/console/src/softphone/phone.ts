/** The telephone in the page: JsSIP does what the rule of `machine.ts` says, and tells it what happened. */
import type { RTCSession } from 'jssip/lib/RTCSession'
import type { UA } from 'jssip/lib/UA'
import { readonly, ref, shallowRef } from 'vue'

import { post, Problem } from '../api/http'
import type { PhoneAccount } from '../api/types'
import { type Effect, ELSEWHERE, type Event, next, OFF, type Phone } from './machine.ts'
import * as sound from './sound.ts'
import { useTurn } from './turn.ts'

const AUTO = 'hotline.auto-answer'
const WANTED = 'hotline.softphone'
const REGISTER_S = 60
const RECONNECT_S = { connection_recovery_min_interval: 1, connection_recovery_max_interval: 8 }
const ASK_AGAIN_MS = 3000
/** ICE calls a path disconnected after a short gap too; only a long one is the end. */
const GAP_MS = 8000
/** Nothing that a city's own network would ask outside servers for. */
const PATHS: RTCConfiguration = { iceServers: [], bundlePolicy: 'max-bundle' }

const state = shallowRef<Phone>(OFF)
export const phone = readonly(state)
export const autoAnswer = ref(localStorage.getItem(AUTO) === '1')
/** When the present talk began, as this browser's clock has it. */
export const talkSince = ref<string | null>(null)

let ua: UA | null = null
let session: RTCSession | null = null
let offered: RTCSession | null = null
let again: ReturnType<typeof setTimeout> | undefined
let gap: ReturnType<typeof setTimeout> | undefined
let account: Promise<PhoneAccount> | null = null

const isWanted = (): boolean => localStorage.getItem(WANTED) === '1'

/** Opened by the person: from now on also at the next visit, and whatever other window has it must give it up. */
export async function openPhone(): Promise<void> {
  localStorage.setItem(WANTED, '1')
  if (await turn.take()) await open()
}

/** At the start of a window: open it when the person wants it, but take it from no other window of this browser. */
export async function resumePhone(): Promise<void> {
  if (!isWanted()) return
  if (!(await turn.isFree())) state.value = { ...OFF, line: 'elsewhere' }
  if ((await turn.wait()) && isWanted()) await open()
}

const turn = useTurn(() => {
  tell({ kind: 'lost', code: ELSEWHERE })
  void resumePhone()
})

async function open(): Promise<void> {
  try {
    await sound.openMicrophone()
  } catch {
    state.value = { ...OFF, notice: 'no_microphone' }
    return
  }
  tell({ kind: 'open' })
}

/** Closed by the person: this browser does not open it by itself at the next visit. */
export function closePhone(): void {
  localStorage.removeItem(WANTED)
  stopPhone()
}

/** Closed with the page or the session. */
export function stopPhone(): void {
  clearTimeout(again)
  turn.leave()
  tell({ kind: 'close' })
  sound.closeMicrophone()
}

export function setAutoAnswer(on: boolean): void {
  autoAnswer.value = on
  localStorage.setItem(AUTO, on ? '1' : '0')
}

export const answer = (): void => tell({ kind: 'answer' })
export const decline = (): void => tell({ kind: 'decline' })
export const hangUp = (): void => tell({ kind: 'hang_up' })
export const mute = (on: boolean): void => tell({ kind: 'mute', on })
export const press = (key: string): void => void session?.sendDTMF(key)

export async function chooseDevice(kind: 'input' | 'output', id: string): Promise<void> {
  await sound.choose(kind, id, async (track) => {
    track.enabled = !state.value.muted
    await session?.connection.getSenders()[0]?.replaceTrack(track)
  })
}

function tell(event: Event): void {
  const [now, effects] = next(state.value, event)
  if (now.phase === 'talking' && state.value.phase !== 'talking') talkSince.value = new Date().toISOString()
  state.value = now
  effects.forEach(perform)
  if (now.phase === 'none') talkSince.value = null
}

const DEEDS: { [effect in Effect]: () => void } = {
  new_account: () => (account = null),
  connect: () => void connect(),
  disconnect,
  ring: sound.ring,
  quiet: sound.quiet,
  beep: sound.beep,
  answer: () => void take(),
  // Busy with another call, or not wanted by the person: telephony tells the two apart.
  decline: () => (offered ? end(offered, { status_code: 486 }) : end(session, { status_code: 603 })),
  hang_up: () => end(session),
  mute: () => session?.mute({ audio: true }),
  unmute: () => session?.unmute({ audio: true }),
}

function perform(effect: Effect): void {
  DEEDS[effect]()
}

function end(one: RTCSession | null, how: { status_code?: number } = {}): void {
  if (one && !one.isEnded()) one.terminate(how)
  if (one === offered) offered = null
  if (one === session) session = null
}

function disconnect(): void {
  drop()
  sound.hear(null)
}

/** Forgotten first: what it says while it stops is no news. It must not connect again by itself meanwhile. */
function drop(): void {
  const was = ua
  ua = null
  was?.stop()
  const wire = (was as unknown as { transport?: { disconnect(): void } } | null)?.transport // missing in its types
  wire?.disconnect()
}

async function connect(): Promise<void> {
  drop()
  try {
    account ??= post<PhoneAccount>('/softphone', {})
    const [given, { UA: Agent, WebSocketInterface }] = await Promise.all([account, import('jssip')])
    if (state.value.line !== 'opening') return
    const address = new URL(given.socket, location.href)
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const options = { authorization_user: given.user, password: given.password, register_expires: REGISTER_S, session_timers: false }
    ua = new Agent({ sockets: new WebSocketInterface(address.href), uri: given.uri, user_agent: 'Hotline', ...RECONNECT_S, ...options })
    follow(ua)
    ua.start()
  } catch (error) {
    account = null
    // Telephony is away for a moment, or for long: the page asks again as long as it is open.
    if (error instanceof Problem && error.status >= 400 && error.status < 500) tell({ kind: 'refused' })
    else again = setTimeout(() => state.value.line === 'opening' && void connect(), ASK_AGAIN_MS)
  }
}

function follow(agent: UA): void {
  const mine = (event: Event): void => {
    if (agent === ua) tell(event)
  }
  agent.on('registered', () => mine({ kind: 'registered' }))
  agent.on('disconnected', (event) => {
    // Opened on another computer: no window of this browser takes it back by itself.
    if (agent === ua && event.code === ELSEWHERE && turn.isMine()) localStorage.removeItem(WANTED)
    mine({ kind: 'lost', code: event.code ?? 0 })
  })
  agent.on('registrationFailed', (event) => {
    // Without an answer the connection is the trouble, and JsSIP is mending it.
    if (event.response) mine({ kind: 'refused' })
  })
  agent.on('newRTCSession', (event: { session: RTCSession }) => {
    if (agent !== ua || event.session.direction !== 'incoming') return
    offered = event.session
    const isFree = state.value.phase === 'none'
    if (isFree) followCall(event.session)
    tell({ kind: 'rings', caller: event.session.remote_identity.uri.user, auto: autoAnswer.value })
  })
}

function followCall(one: RTCSession): void {
  session = one
  offered = null
  const mine = (event: Event): void => {
    if (one === session) tell(event)
  }
  one.on('peerconnection', (event) => followMedia(one, event.peerconnection))
  one.on('confirmed', () => mine({ kind: 'connected' }))
  one.on('ended', () => mine({ kind: 'over', why: 'put_down' }))
  one.on('failed', (event) => mine({ kind: 'over', why: event.cause === 'Canceled' ? 'not_taken' : 'failed' }))
}

function followMedia(one: RTCSession, connection: RTCPeerConnection): void {
  connection.addEventListener('track', (event) => sound.hear(event.streams[0] ?? new MediaStream([event.track])))
  connection.addEventListener('iceconnectionstatechange', () => {
    clearTimeout(gap)
    const is = connection.iceConnectionState
    const lost = (): void => void (one === session && tell({ kind: 'media_lost' }))
    if (is === 'failed') lost()
    if (is === 'disconnected') gap = setTimeout(lost, GAP_MS)
  })
}

async function take(): Promise<void> {
  const one = session
  if (!one) return
  try {
    const mediaStream = await sound.openMicrophone()
    mediaStream.getTracks().forEach((track) => (track.enabled = true)) // the last talk may have ended muted
    one.answer({ mediaStream, pcConfig: PATHS })
  } catch {
    end(one, { status_code: 480 })
    tell({ kind: 'over', why: 'no_microphone' })
  }
}
