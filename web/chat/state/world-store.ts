import type { Api } from '../api/client.ts'
import type { Heard } from '../api/feed.ts'
import type { Bot, Person } from '../api/schema.ts'

export interface WorldSeen {
  readonly people: readonly Person[]
  readonly bots: readonly Bot[]
  readonly loaded: boolean
  /** False while the feed is cut off. */
  readonly online: boolean
}

/** Who lives in this sandbox: its people and its bots, read again whenever the feed says that they changed. */
export class WorldStore {
  readonly #api: Api
  readonly #listeners = new Set<() => void>()
  #seen: WorldSeen = { people: [], bots: [], loaded: false, online: true }
  #latest = 0

  constructor(api: Api) {
    this.#api = api
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  readonly snapshot = (): WorldSeen => this.#seen

  hear(event: Heard): void {
    if (event.type === 'lost') this.#show({ online: false })
    else if (event.type === 'connected') this.#show({ online: true })
    if (event.type === 'connected' || event.type === 'world') void this.refresh()
  }

  /** Reads people and bots again; the answer of an overtaken reading is dropped. */
  async refresh(): Promise<void> {
    const mine = ++this.#latest
    const read = await Promise.all([this.#api.people(), this.#api.bots()]).catch(() => undefined)
    if (read === undefined || mine !== this.#latest) return
    const [{ people }, { bots }] = read
    this.#show({ people, bots, loaded: true })
  }

  #show(change: Partial<WorldSeen>): void {
    this.#seen = { ...this.#seen, ...change }
    for (const listener of this.#listeners) listener()
  }
}
