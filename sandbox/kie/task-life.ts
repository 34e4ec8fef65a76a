/**
 * The life of tasks: created, made while virtual time passes, settled once, called back. A task that was running when the
 * process ended goes on in the next one.
 */
import { createHash } from 'node:crypto'
import type { World } from '../world.ts'
import type { Behaviour } from './behaviour.ts'
import type { createCallbacks } from './callbacks.ts'
import type { createCredits } from './credits.ts'
import { type Files, secretName } from './files.ts'
import type { createMaking, Made } from './making.ts'
import type { Catalogue, Model } from './models/catalogue.ts'
import { priceOf } from './models/price.ts'
import { type Failure, generatingFrom, type Settled, type Task } from './task.ts'
import type { TaskShelf } from './task-shelf.ts'

export type TaskLifeDeps = {
  readonly world: World
  readonly catalogue: Catalogue
  readonly tasks: TaskShelf
  readonly files: Files
  readonly credits: ReturnType<typeof createCredits>
  readonly behaviour: () => Behaviour
  readonly callbacks: ReturnType<typeof createCallbacks>
  readonly make: ReturnType<typeof createMaking>
  readonly changed: (id: string) => void
}

export type Wish = {
  readonly model: Model
  readonly input: Readonly<Record<string, unknown>>
  readonly callbackUrl: string | undefined
}

const usualFailure: Failure = { code: '500', msg: 'Internal Error, Please try again later.' }
const moderated: Failure = {
  code: '400',
  msg: 'Your prompt was flagged by the provider as violating content policies. Please change it and try again.',
}

export function createTaskLife({
  world,
  catalogue,
  tasks,
  files,
  credits,
  behaviour,
  callbacks,
  make,
  changed,
}: TaskLifeDeps) {
  const { clock, shelf, chance } = world
  const making = new Map<string, Promise<Made>>()
  const timers = new Map<string, () => void>()
  let closed = false

  function newId(): string {
    const number = shelf.next('kie/task')
    return createHash('sha256')
      .update(`${number}\n${chance.of(`kie/task/${number}`)}`)
      .digest('hex')
      .slice(0, 32)
  }

  function create({ model, input, callbackUrl }: Wish): Task {
    const { latency_ms: latencyMs, callback } = behaviour()
    const id = newId()
    const planned = plannedFailure(behaviour())
    const born = {
      id,
      model: model.id,
      input: { ...input },
      ...(callbackUrl === undefined ? {} : { callbackUrl }),
      createdAt: clock.now(),
      latencyMs: latencyMs ?? Math.round(3000 + chance.of(`kie/latency/${id}`) * 3000),
      price: priceOf(model, input),
      ...(planned === undefined ? {} : { planned }),
      callback,
      callbacks: [],
    }
    const task = tasks.save({ ...born, due: callbacks.beforeEnd(born) })
    go(task)
    changed(id)
    return task
  }

  /** Sets everything in motion that this task still has to do. */
  function go(task: Task): void {
    for (const due of task.due) callbacks.arm(task.id, due)
    if (task.settled !== undefined) return
    const left = (share: number): number => task.createdAt + task.latencyMs * share - clock.now()
    // Not at once: tasks that are told to take an hour would keep the painter from those that are due.
    const cancelBegin = clock.after(left(generatingFrom), () => void begin(task))
    const cancelFinish = clock.after(left(1), () => void finish(task.id))
    timers.set(task.id, () => {
      cancelBegin()
      cancelFinish()
    })
  }

  /** The work starts while virtual time is left, so that it is usually ready when its time has come. */
  function begin(task: Task): Promise<Made> {
    const started = making.get(task.id) ?? work(task)
    making.set(task.id, started)
    return started
  }

  async function work(task: Task): Promise<Made> {
    if (task.planned !== undefined) return { kind: 'failed', failure: task.planned }
    const model = catalogue.find(task.model)
    if (model === undefined)
      return { kind: 'failed', failure: { code: '404', msg: `${task.model} is not sold any more` } }
    return make(task, model)
  }

  async function finish(id: string): Promise<void> {
    const task = tasks.find(id)
    if (task === undefined) return
    // Drawing takes real time, which is none of virtual time: the task ends when it was to end.
    const at = clock.now()
    settle(id, await begin(task), at)
  }

  function settle(id: string, made: Made, at: number): Task | undefined {
    const task = tasks.find(id)
    if (closed || task === undefined || task.settled !== undefined) return task
    timers.get(id)?.()
    timers.delete(id)
    making.delete(id)
    const ended = shelf.atomically(() => {
      const settled = keep(task, made, at)
      return tasks.save({ ...task, settled, due: [...task.due, ...callbacks.atEnd(task)] })
    })
    for (const due of ended.due) if (due.body === 'true') callbacks.arm(id, due)
    changed(id)
    return ended
  }

  function keep(task: Task, made: Made, at: number): Settled {
    if (made.kind === 'failed') return { state: 'fail', at, failure: made.failure }
    const names = made.pictures.map((bytes, index) => {
      const name = secretName(made.format === 'jpeg' ? 'jpg' : made.format)
      files.put(name, 'result', `image/${made.format}`, bytes, index + 1)
      return name
    })
    credits.take(task.price)
    return { state: 'success', at, files: names, credits: task.price }
  }

  for (const task of tasks.list()) go(task)

  return {
    create,
    /** Credits that running tasks will take; a new task cannot spend them again. */
    reserved: (): number =>
      tasks
        .list()
        .reduce((sum, task) => (task.settled === undefined && task.planned === undefined ? sum + task.price : sum), 0),
    /** Ends a running task now as a failure. */
    fail: (task: Task, failure: Partial<Failure>) =>
      settle(task.id, { kind: 'failed', failure: { ...usualFailure, ...failure } }, clock.now()),
    /** Ends a running task now with its pictures; a task that cannot have any ends as the failure it is. */
    async succeed(task: Task): Promise<Task | undefined> {
      const { planned: _, ...willing } = task
      const made = task.planned === undefined ? await begin(task) : await work(willing)
      return settle(task.id, made, clock.now())
    },
    forget() {
      for (const cancel of timers.values()) cancel()
      timers.clear()
      making.clear()
    },
    close() {
      closed = true
      for (const cancel of timers.values()) cancel()
    },
  }
}

function plannedFailure({ outcome, fail_code: code, fail_msg: msg }: Behaviour): Failure | undefined {
  if (outcome === 'success') return undefined
  const usual = outcome === 'moderated' ? moderated : usualFailure
  return { code: code ?? usual.code, msg: msg ?? usual.msg }
}
