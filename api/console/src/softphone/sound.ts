/** Microphone, loudspeaker and bell of the telephone in the page. */
import { ref, shallowRef } from 'vue'

const KEY = { input: 'hotline.microphone', output: 'hotline.speaker' } as const

/** 450 Hz, one second on and four off, as telephones ring here. */
const TONE_HZ = 450
const RING_S = 1
const PERIOD_S = 5
const BEEP_S = 0.25
const LOUDNESS = 0.08
const LOOK_EVERY_MS = 100

export interface Device {
  id: string
  label: string
}

export const inputs = shallowRef<Device[]>([])
export const outputs = shallowRef<Device[]>([])
export const input = ref(localStorage.getItem(KEY.input) ?? '')
export const output = ref(localStorage.getItem(KEY.output) ?? '')
/** How loud the microphone is, 0 to 1. */
export const level = ref(0)

const far = new Audio()
far.autoplay = true
let context: AudioContext | null = null
let stream: MediaStream | null = null
let source: MediaStreamAudioSourceNode | null = null
let meter: ReturnType<typeof setInterval> | undefined
let bell: OscillatorNode | null = null

/** Open the microphone; asks the person on the first time. Rejects when there is none or it is not allowed. */
export async function openMicrophone(): Promise<MediaStream> {
  if (stream?.active) return stream
  // On plain http, other than on this very machine, browsers have no microphone at all.
  if (!navigator.mediaDevices) throw new Error('insecure')
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  const chosen = input.value ? { deviceId: { ideal: input.value } } : {}
  stream = await navigator.mediaDevices.getUserMedia({ audio: { ...wanted, ...chosen } })
  listen(stream)
  await listDevices()
  return stream
}

export function closeMicrophone(): void {
  stream?.getTracks().forEach((track) => track.stop())
  stream = null
  source?.disconnect()
  source = null
  clearInterval(meter)
  level.value = 0
}

/** Another microphone or loudspeaker; a talk that goes on gets the new microphone by `replace`. */
export async function choose(kind: 'input' | 'output', id: string, replace: (track: MediaStreamTrack) => Promise<void>): Promise<void> {
  localStorage.setItem(KEY[kind], id)
  if (kind === 'output') {
    output.value = id
    await useSpeaker()
    return
  }
  input.value = id
  closeMicrophone()
  const track = (await openMicrophone()).getAudioTracks()[0]
  if (track) await replace(track)
}

export function hear(remote: MediaStream | null): void {
  far.srcObject = remote
  if (remote) void useSpeaker().then(() => far.play())
}

export function ring(): void {
  quiet()
  bell = tone((gain, now) => {
    for (let n = 0; n < 12; n++) {
      gain.setValueAtTime(LOUDNESS, now + n * PERIOD_S)
      gain.setValueAtTime(0, now + n * PERIOD_S + RING_S)
    }
  })
}

export function beep(): void {
  const one = tone((gain, now) => gain.setValueAtTime(0, now + BEEP_S))
  one.stop(audio().currentTime + 2 * BEEP_S)
}

export function quiet(): void {
  bell?.stop()
  bell = null
}

function audio(): AudioContext {
  context ??= new AudioContext()
  if (context.state === 'suspended') void context.resume()
  return context
}

function tone(shape: (gain: AudioParam, now: number) => void): OscillatorNode {
  const ctx = audio()
  const oscillator = new OscillatorNode(ctx, { frequency: TONE_HZ })
  const gain = new GainNode(ctx, { gain: LOUDNESS })
  shape(gain.gain, ctx.currentTime)
  oscillator.connect(gain).connect(ctx.destination)
  oscillator.start()
  return oscillator
}

function listen(to: MediaStream): void {
  const analyser = new AnalyserNode(audio(), { fftSize: 1024 })
  source = audio().createMediaStreamSource(to)
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  clearInterval(meter)
  meter = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length
    // From -60 dB, a quiet room, to full scale.
    level.value = power > 0 ? Math.min(1, Math.max(0, 1 + (10 * Math.log10(power)) / 60)) : 0
  }, LOOK_EVERY_MS)
}

async function listDevices(): Promise<void> {
  const all = await navigator.mediaDevices.enumerateDevices()
  const of = (kind: MediaDeviceKind) =>
    all.filter((one) => one.kind === kind && one.deviceId).map((one) => ({ id: one.deviceId, label: one.label }))
  inputs.value = of('audioinput')
  outputs.value = of('audiooutput')
}

async function useSpeaker(): Promise<void> {
  try {
    if (output.value && 'setSinkId' in far) await far.setSinkId(output.value)
  } catch {
    // It was unplugged: the sound comes from the usual one.
  }
}

navigator.mediaDevices?.addEventListener('devicechange', () => {
  if (stream) void listDevices()
})
