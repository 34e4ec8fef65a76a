/**
 * KIE.ai, emulated: tasks that cost credits and take their time, pictures that are really drawn, callbacks with their
 * retries, result URLs that expire, uploads that last a day, and every model's inputs checked as its documents say.
 *
 * What it cannot make (video, sound, text) is checked, taken, and ends in an honest failure that costs nothing.
 */
import type { FastifyInstance } from 'fastify'
import type { Provider, World } from '../world.ts'
import { createBehaviour } from './behaviour.ts'
import { createCallbacks } from './callbacks.ts'
import { controlRoutes } from './control-routes.ts'
import { createCredits } from './credits.ts'
import { discoveryRoutes } from './discovery-routes.ts'
import { fileRoutes } from './file-routes.ts'
import { createFiles } from './files.ts'
import { createMaking } from './making.ts'
import { marketRoutes } from './market-routes.ts'
import { readCatalogue } from './models/catalogue.ts'
import { createPainter } from './pictures/painter.ts'
import { createTaskLife } from './task-life.ts'
import { openTaskShelf } from './task-shelf.ts'
import { uploadRoutes } from './upload-routes.ts'

export type KieOptions = {
  /** Asked whenever an address is given out, so it may be known later than the emulator. */
  readonly publicUrl: () => string
  readonly pictureSideMax: number | undefined
}

export function createKieEmulator(world: World, { publicUrl, pictureSideMax }: KieOptions): Provider {
  const { shelf, chance, feed, outbound } = world
  const catalogue = readCatalogue()
  const tasks = openTaskShelf(shelf)
  const files = createFiles(world, publicUrl)
  const behaviour = createBehaviour(shelf)
  const credits = createCredits(shelf)
  const painter = createPainter()
  const changes = createChanges()
  const changed = (id: string): void => {
    changes.emit(id)
    feed.publish({ type: 'world', what: 'kie' })
  }
  const callbacks = createCallbacks({ world, tasks, files, behaviour: behaviour.now, changed })
  const seedOf = (key: string) => `${chance.of(key)}\n${key}`
  const make = createMaking({ files, painter, outbound, seedOf, sideMax: pictureSideMax })
  const life = createTaskLife({
    world,
    catalogue,
    tasks,
    files,
    credits,
    behaviour: behaviour.now,
    callbacks,
    make,
    changed,
  })

  return {
    routes(app: FastifyInstance) {
      const api = { world, catalogue, tasks, life, credits, files, behaviour: behaviour.now }
      app.register(
        async (scope) => {
          marketRoutes(scope, api)
          discoveryRoutes(scope, { catalogue, clock: world.clock })
        },
        { prefix: '/kie/api/v1' },
      )
      app.register(async (scope) => fileRoutes(scope, api), { prefix: '/kie/files' })
      app.register(async (scope) => uploadRoutes(scope, { world, files }), { prefix: '/kie-upload' })
      const controls = { world, tasks, life, files, behaviour, credits, nextChange: changes.next }
      app.register(async (scope) => controlRoutes(scope, controls), { prefix: '/sandbox/v1/kie' })
    },
    reset() {
      life.forget()
      callbacks.forget()
      tasks.forget()
      painter.giveUp()
      for (const [key] of shelf.list('kie/')) shelf.delete(key)
    },
    async close() {
      life.close()
      files.close()
      changes.close()
      await Promise.all([callbacks.close(), painter.stop()])
    },
  }
}

/** Wakes those who wait for a task. */
function createChanges() {
  const waiting = new Map<string, Set<() => void>>()
  return {
    emit(id: string): void {
      for (const wake of waiting.get(id) ?? []) wake()
    },
    next: (id: string, ms: number): Promise<void> =>
      new Promise((resolve) => {
        const wakers = waiting.get(id) ?? new Set()
        waiting.set(id, wakers)
        const wake = (): void => {
          clearTimeout(timer)
          wakers.delete(wake)
          if (wakers.size === 0) waiting.delete(id)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        wakers.add(wake)
      }),
    close(): void {
      for (const wakers of waiting.values()) for (const wake of wakers) wake()
    },
  }
}
