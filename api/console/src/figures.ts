/** Numbers as text. */

/** 0.9876 as "98.8%"; a dash when there is nothing to divide. Never rounded up to 100: 99.96% stays below. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return '–'
  const value = share < 1 ? Math.min(99.9, Math.round(share * 1000) / 10) : 100
  return `${Number.isInteger(value) ? value : value.toFixed(1)}%`
}
