/** The window of figures that the address asks for: a day of the city, else the last 24 hours. */
import { computed } from 'vue'
import { useRoute } from 'vue-router'

type Query = { [name: string]: string }

/** As the API is asked for it. */
export function useWindow() {
  const route = useRoute()
  return computed((): Query => (typeof route.query.date === 'string' ? { date: route.query.date } : { hours: '24' }))
}
