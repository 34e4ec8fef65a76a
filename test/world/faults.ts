import { setTimeout as pause } from 'node:timers/promises'
import type { Controls, Fault, KieBehaviour } from '../fixtures/sandbox.ts'
import { type Choose, oneOf } from '../fixtures/seed.ts'
import type { Time } from './time.ts'

/** Everything that goes wrong in a walk, each with its weight. Each ends by itself or with `faultsEnd`. */
export type Surroundings = {
  readonly controls: Controls
  readonly time: Time
  /** Ends sessions of the service at its database. */
  readonly cutSessions: (share: number) => Promise<number>
  readonly restart: () => Promise<void>
  /** How the names of hosts of results are resolved. */
  setResolver(state: ResolverState): void
  /** The database is there and says nothing; its connections stay open. */
  stallDatabase(): void
  databaseGoesOn(): void
}
export type ResolverState = 'right' | 'lies' | 'away'

type Trouble = (surroundings: Surroundings, choose: Choose) => Promise<string>

/** Gives what began, in words. */
export const befalls = async (surroundings: Surroundings, choose: Choose): Promise<string> =>
  await oneOf(troubles, choose)(surroundings, choose)

/** The world is as it should be again. */
export async function faultsEnd({ controls, time, setResolver }: Surroundings): Promise<void> {
  await controls.clearFaults()
  await controls.kie(usual)
  await controls.setCredits(plenty)
  time.setWrong(0)
  setResolver('right')
}

export const usual: KieBehaviour = {
  latency_ms: 50,
  outcome: null,
  callback: null,
  submit: null,
  result_url: null,
  results_max: null,
  dead_result: null,
  result_list: null,
  state_word: null,
}
const plenty = 10_000
const weekS = 7 * 24 * 3_600

const oneFault =
  (plan: (choose: Choose) => Fault): Trouble =>
  async ({ controls }, choose) => {
    const fault = plan(choose)
    await controls.fault(fault)
    return `fault ${JSON.stringify(fault)}`
  }

const from =
  <const T>(...items: readonly T[]) =>
  (choose: Choose): T =>
    oneOf(
      items.map((item) => [1, item] as const),
      choose,
    )

const speaking = from('sendMessage', 'editMessageText', 'answerCallbackQuery', 'sendPhoto', 'sendInvoice', 'getFile')
const kieDoors = from('createTask', 'recordInfo', '/kie/files/', 'file-stream-upload', 'download-url', 'credit')

const troubles: readonly (readonly [number, Trouble])[] = [
  // Telegram says later, does not answer, answers after the deed, or is slow.
  [4, oneFault((choose) => ({ on: 'telegram', method: speaking(choose), status: 429, retry_after: 1 + choose(2) }))],
  [
    4,
    oneFault((choose) => ({
      on: 'telegram',
      method: speaking(choose),
      status: from(500, 502, 504)(choose),
      times: 1 + choose(2),
    })),
  ],
  [
    3,
    oneFault((choose) => ({
      on: 'telegram',
      method: speaking(choose),
      after_execution: true,
      times: from(1, 2, 6)(choose),
      ...(choose(2) === 0 ? {} : { status: 502 }),
    })),
  ],
  [2, oneFault((choose) => ({ on: 'telegram', method: speaking(choose), delay_ms: 200 + choose(1_500) }))],
  // The token is refused for a moment, or all of Telegram is away.
  [
    2,
    oneFault((choose) => ({
      on: 'telegram',
      method: speaking(choose),
      status: from(401, 404)(choose),
      times: 1 + choose(2),
    })),
  ],
  [1, oneFault(() => ({ on: 'telegram', status: 502, times: 6 }))],
  [1, oneFault((choose) => ({ on: 'telegram', status: 401, times: 2 + choose(6) }))],
  [
    1,
    oneFault((choose) => ({
      on: 'telegram',
      method: from('setWebhook', 'getWebhookInfo')(choose),
      status: from(409, 500)(choose),
    })),
  ],
  // Updates are lost on their way, or brought twice.
  [3, oneFault((choose) => ({ on: 'webhook', status: 502, times: 1 + choose(2) }))],
  [2, oneFault(() => ({ on: 'webhook', after_execution: true }))],
  // KIE is busy, ill, slow, or forgets to answer.
  [4, oneFault((choose) => ({ on: 'kie', method: kieDoors(choose), status: from(500, 502, 503)(choose) }))],
  [3, oneFault((choose) => ({ on: 'kie', method: kieDoors(choose), status: 429, retry_after: 1 }))],
  [2, oneFault((choose) => ({ on: 'kie', method: kieDoors(choose), after_execution: true }))],
  [2, oneFault((choose) => ({ on: 'kie', method: kieDoors(choose), delay_ms: 200 + choose(1_500) }))],
  [
    3,
    oneFault((choose) => ({
      on: 'kie',
      method: '/kie/files/',
      status: from(403, 404, 503)(choose),
      description: 'html',
      times: 1 + choose(6),
    })),
  ],
  [
    2,
    oneFault((choose) => ({ on: 'kie', method: 'file-stream-upload', status: from(400, 401, 402, 413, 500)(choose) })),
  ],
  [2, oneFault((choose) => ({ on: 'kie', method: 'createTask', status: from(422, 433, 451, 455, 505)(choose) }))],
  [
    8,
    async ({ controls }, choose) => {
      const behaviour: KieBehaviour = {
        latency_ms: from(50, 400, 5_000)(choose),
        outcome: oneOf(
          [
            [4, 'success'],
            [2, 'fail'],
            [1, 'moderated'],
          ],
          choose,
        ),
        callback: from('normal', 'never', 'duplicate', 'late', 'forged')(choose),
        submit: oneOf(
          [
            [4, 'normal'],
            [1, 'lost_answer'],
          ],
          choose,
        ),
        result_url: oneOf(
          [
            [6, 'normal'],
            [1, 'forbidden'],
            [1, 'html'],
            [1, 'huge'],
          ],
          choose,
        ),
        results_max: oneOf(
          [
            [6, null],
            [1, 0],
            [1, 2],
          ],
          choose,
        ),
        dead_result: oneOf(
          [
            [4, null],
            [1, 1],
            [1, 2],
          ],
          choose,
        ),
        result_list: oneOf(
          [
            [8, 'urls'],
            [1, 'objects'],
          ],
          choose,
        ),
        state_word: oneOf(
          [
            [10, null],
            [1, 'pondering'],
          ],
          choose,
        ),
      }
      await controls.kie(behaviour)
      return `KIE is ${JSON.stringify(behaviour)}`
    },
  ],
  [
    1,
    async ({ controls }, choose) => {
      const credits = from(0, 1, plenty)(choose)
      await controls.setCredits(credits)
      return `${credits} credits at KIE`
    },
  ],
  [
    1,
    async ({ restart }) => {
      await restart()
      return 'the service is started again'
    },
  ],
  [2, async ({ cutSessions }, choose) => `${await cutSessions(choose(100) / 100)} sessions at the database are cut`],
  [
    1,
    async ({ stallDatabase, databaseGoesOn }, choose) => {
      const ms = from(50, 400)(choose)
      stallDatabase()
      await pause(ms)
      databaseGoesOn()
      return `the database says nothing for ${ms} ms`
    },
  ],
  [
    2,
    async ({ setResolver }, choose) => {
      const state = from('lies', 'away', 'right')(choose)
      setResolver(state)
      return `the resolver: ${state}`
    },
  ],
  // Time passes for everybody, or only our clock is wrong.
  [
    5,
    async ({ time }, choose) => {
      const seconds = from(2, 20, 180, 1_900, 7_500)(choose)
      await time.passes(seconds * 1000)
      return `${seconds} s pass`
    },
  ],
  [
    2,
    async ({ time }, choose) => {
      const seconds = from(0, 0, 0, -600, -30, 45, 1_200, weekS, -weekS)(choose)
      time.setWrong(seconds * 1000)
      return `our clock is ${seconds} s wrong`
    },
  ],
]
