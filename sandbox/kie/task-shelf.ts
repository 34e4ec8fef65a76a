/** All tasks, in memory and on the shelf; a change has been written when the call returns. */
import type { Shelf } from '../world.ts'
import { type Task, task } from './task.ts'

export type TaskShelf = {
  find(id: string): Task | undefined
  /** Oldest first. */
  list(): readonly Task[]
  save(next: Task): Task
  forget(): void
}

const prefix = 'kie/task/'

export function openTaskShelf(shelf: Shelf): TaskShelf {
  const kept = shelf.list(prefix).map(([, value]) => task.parse(value))
  const tasks = new Map(kept.sort((one, other) => one.createdAt - other.createdAt).map((one) => [one.id, one]))
  return {
    find: (id) => tasks.get(id),
    list: () => [...tasks.values()],
    save(next) {
      shelf.put(`${prefix}${next.id}`, next)
      tasks.set(next.id, next)
      return next
    },
    forget() {
      for (const id of tasks.keys()) shelf.delete(`${prefix}${id}`)
      tasks.clear()
    },
  }
}
