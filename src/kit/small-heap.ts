import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * Imported before everything else. Left alone, the heap grows by a hundred megabytes under load and the system never gets
 * them back. A heap that is too small costs processor time for collecting it; decision 20 has the figures of both.
 *
 * V8 reads the limit of the young generation only when it starts, and our programs are started in many ways. So the
 * young generation is kept from growing until a collection has shown that there is room to double it.
 */
const youngBytesMax = 16 * 2 ** 20

setFlagsFromString('--heap-growing-percent=50')
let mayGrow = false
setFlagsFromString('--semi-space-growth-factor=1')
const observer = new PerformanceObserver(() => {
  const isRoom = 2 * youngBytes() <= youngBytesMax
  if (isRoom === mayGrow) return
  mayGrow = isRoom
  setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`)
})
observer.observe({ entryTypes: ['gc'] })

/** Both halves. */
function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0
}
