/** Numbers as text. */
import type { FigureDefinition } from './api/types'
import { duration } from './clock'

/** 0.9876 as "98.8%"; a dash when there is nothing to divide. Never rounded up to 100: 99.96% stays below. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return '–'
  const value = share < 1 ? Math.min(99.9, Math.round(share * 1000) / 10) : 100
  return `${Number.isInteger(value) ? value : value.toFixed(1)}%`
}

/** A figure by its unit: "1,234", "98.8%", "12.3 s"; from 100 s on as a clock. */
export function figureText(value: number | null | undefined, unit: FigureDefinition['unit'], second: string): string {
  if (value === null || value === undefined) return '–'
  if (unit === 'share') return percent(value)
  if (unit === 'calls') return value.toLocaleString('en-US')
  return value < 100 ? `${value.toFixed(1)} ${second}` : duration(value)
}
