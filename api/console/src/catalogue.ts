/** The city's categories and departments, asked for once when a page first needs them. */
import { ElMessage } from 'element-plus'
import { shallowRef } from 'vue'

import { get } from './api/http'
import type { Catalogue } from './api/types'
import { explain } from './problems'

const catalogue = shallowRef<Catalogue | null>(null)
let asked = false

/** The catalogue, null until it has come; a failure is told, and the next page that needs it asks again. */
export function useCatalogue() {
  if (!asked) {
    asked = true
    get<Catalogue>('/catalogue').then(
      (answer) => (catalogue.value = answer),
      (error: unknown) => {
        asked = false
        ElMessage.error(explain(error))
      },
    )
  }
  return catalogue
}
