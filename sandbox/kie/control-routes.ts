/** `/sandbox/v1/kie/…`: what the provider sees and decides. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { ControlError, parseBody, queryNumber } from '../control/request.ts'
import type { World } from '../world.ts'
import { behaviourChange, type createBehaviour } from './behaviour.ts'
import type { createCredits } from './credits.ts'
import type { Files } from './files.ts'
import type { Task } from './task.ts'
import type { createTaskLife } from './task-life.ts'
import type { TaskShelf } from './task-shelf.ts'
import { controlView } from './task-views.ts'

export type ControlDeps = {
  readonly world: World
  readonly tasks: TaskShelf
  readonly life: ReturnType<typeof createTaskLife>
  readonly files: Files
  readonly behaviour: ReturnType<typeof createBehaviour>
  readonly credits: ReturnType<typeof createCredits>
  /** Resolves when the task changes, or after `ms` of real time. */
  readonly nextChange: (id: string, ms: number) => Promise<void>
}

const waitMsMax = 60_000
const settling = z.strictObject({
  state: z.enum(['success', 'fail']),
  fail_code: z.string().exactOptional(),
  fail_msg: z.string().exactOptional(),
})
const creditsBody = z.strictObject({ credits: z.number() })

export function controlRoutes(scope: FastifyInstance, deps: ControlDeps): void {
  const { world, tasks, life, files, behaviour, credits, nextChange } = deps
  const view = (task: Task) => controlView(task, world.clock.now(), files)

  function known(params: unknown): Task {
    const { id } = z.object({ id: z.string() }).parse(params)
    const task = tasks.find(id)
    if (task === undefined) throw new ControlError(404, `there is no task ${id}`)
    return task
  }

  scope.get('/tasks', async () => ({ tasks: tasks.list().map(view) }))

  /** `?wait_ms=` answers when the task has ended and its first callback is through, or when the time is over. */
  scope.get('/tasks/:id', async (request) => {
    const { id } = known(request.params)
    const until = Date.now() + Math.min(waitMsMax, queryNumber(request.query, 'wait_ms') ?? 0)
    while (!isQuiet(known(request.params)) && Date.now() < until) await nextChange(id, until - Date.now())
    return view(known(request.params))
  })

  scope.patch('/tasks/:id', async (request) => {
    const wish = parseBody(settling, request.body)
    const task = known(request.params)
    if (task.settled !== undefined) throw new ControlError(409, `task ${task.id} has ended: ${task.settled.state}`)
    const { fail_code: code, fail_msg: msg } = wish
    const failure = { ...(code === undefined ? {} : { code }), ...(msg === undefined ? {} : { msg }) }
    const ended = wish.state === 'fail' ? life.fail(task, failure) : await life.succeed(task)
    if (ended === undefined) throw new ControlError(404, `there is no task ${task.id}`)
    return view(ended)
  })

  scope.get('/behaviour', async () => behaviour.now())
  scope.put('/behaviour', async (request) => behaviour.change(parseBody(behaviourChange, request.body)))

  scope.get('/credits', async () => ({ credits: credits.balance() }))
  scope.put('/credits', async (request) => {
    credits.set(parseBody(creditsBody, request.body).credits)
    return { credits: credits.balance() }
  })
}

/** Nothing more will happen by itself: ended, and no first callback on its way. */
const isQuiet = (task: Task): boolean =>
  task.settled !== undefined && !task.due.some((due) => due.body === 'true' && due.attempt === 1)
