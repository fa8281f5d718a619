/** Every language has the same texts with the same placeholders, every text that a page asks for exists, none is unused. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { en } from '../src/i18n/en.ts'
import { zhCN } from '../src/i18n/zh-CN.ts'

const SRC = join(dirname(fileURLToPath(import.meta.url)), '..', 'src')
const faults = []

const flat = (tree, prefix = '') =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  )
const slots = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join()

const master = new Map(flat(zhCN))
const other = new Map(flat(en))
for (const [key, text] of master) {
  if (!text.trim()) faults.push(`zh-CN: ${key} is empty`)
  if (!other.get(key)?.trim()) faults.push(`en: ${key} is missing`)
  else if (slots(text) !== slots(other.get(key))) faults.push(`${key}: placeholders differ between languages`)
}
for (const key of other.keys()) if (!master.has(key)) faults.push(`zh-CN: ${key} is missing`)

const files = readdirSync(SRC, { recursive: true }).filter((name) => /\.(vue|ts)$/.test(name) && !name.startsWith('i18n/'))
const used = new Set()
for (const name of files) {
  const text = readFileSync(join(SRC, name), 'utf8')
  for (const [, key] of text.matchAll(/(?:\bt\(\s*'|keypath=")([\w.-]+)['"]/g)) {
    used.add(key)
    if (!master.has(key)) faults.push(`${name}: text ${key} does not exist`)
  }
  // Keys made at run time: t(`seat.reasons.${name}`) must at least name a group that exists.
  for (const [, group] of text.matchAll(/\bt\(\s*`([\w.]+)\.\$\{/g)) {
    const members = [...master.keys()].filter((key) => key.startsWith(`${group}.`))
    if (!members.length) faults.push(`${name}: group ${group} does not exist`)
    members.forEach((key) => used.add(key))
  }
}
const inI18n = readFileSync(join(SRC, 'i18n', 'index.ts'), 'utf8')
for (const [, key] of inI18n.matchAll(/\bt\('([^']+)'/g)) used.add(key)
for (const key of master.keys()) {
  if (!key.startsWith('words.') && !used.has(key)) faults.push(`${key} is used nowhere`)
}

if (faults.length) {
  console.error(faults.join('\n'))
  process.exit(1)
}
console.log(`messages: ${master.size} texts in 2 languages`)
