import type { Config } from '../config/config.ts'
import type { CreditsWatch } from '../generation/credits-watch.ts'
import type { Polling } from '../intake/telegram-polling.ts'
import type { Clock, Instant } from '../kit/clock.ts'
import type { BotId, InstanceId } from '../kit/ids.ts'
import type { LeaderWatch } from '../lifecycle/leader-watch.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { BeatTimes, Membership } from '../lifecycle/membership.ts'
import type { Ports } from '../ports.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { WebhookKeeper } from '../webhook/webhook-keeper.ts'

/** What the whole service is started with. */
export type ServiceDeps = {
  readonly config: Config
  readonly world: RunningWorld
  /** Made by `ports.ts`: the database, Telegram, KIE, the fetcher. */
  readonly openPorts: (onStored: () => void) => Ports
  readonly catalogSources: readonly { readonly file: string; readonly text: string }[]
  readonly instance: InstanceId
  readonly version: string
  /** Other times than an operator gets, for drills. */
  readonly beatTimes?: BeatTimes
  readonly webhookLookMs?: number
  /** Aborted: the start ends with what it waits for, and the reason is logged. Ignored once it has started. */
  readonly signal?: AbortSignal
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** The world as it runs: in the sandbox, token, key and addresses were made up by the start. */
export type RunningWorld = {
  readonly kind: 'sandbox' | 'live'
  readonly bot: BotId
  /** Where Telegram and KIE reach us; given the port, because the sandbox's world takes any free one. */
  readonly publicUrl: (port: number) => string | undefined
}

/** What is made in the course of the start, and is asked for by parts that are made before it. */
export type Standing = {
  isReady: boolean
  /** Empty until Telegram has said it. */
  botUsername: string
  activeSince?: Instant | undefined
  lifecycle?: Lifecycle
  membership?: Membership
  webhook?: WebhookKeeper
  polling?: Polling
  selling?: CreditsWatch
  leaderWatch?: LeaderWatch
}

export const roleOf = ({ lifecycle }: Standing) => lifecycle?.role ?? 'booting'
export const isWorking = ({ membership }: Standing): boolean => membership?.isWorking === true
