import { setFlagsFromString } from 'node:v8'

/**
 * Imported before everything else. Left alone, the youngest objects get ever more room under load and the system never
 * gets it back: a hundred megabytes on a host that has few. Kept as small as at the start, `bench/memory` meets its aim.
 */
setFlagsFromString('--semi-space-growth-factor=1')
setFlagsFromString('--heap-growing-percent=30')
