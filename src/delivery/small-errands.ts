import type { TakenFile } from '../catalog/offer.ts'
import type { FileVerdict } from '../conversation/screen.ts'
import type { View } from '../conversation/view.ts'
import type { Errand } from '../errands/errand.ts'
import type { ErrandContext, Handlers, Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import {
  type ChargeId,
  type ChatId,
  type Cid,
  chatOfPerson,
  destinationOf,
  fileId,
  type MessageId,
  type OrderId,
  type PersonId,
} from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { TopUp } from '../money/top-up.ts'
import type { Observation } from '../orders/decide.ts'
import type { Artifact, Order, SentArtifact } from '../orders/order.ts'
import type { Recorded } from '../orders/record-observation.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { type ArtifactSource, bestForm } from './artifact-source.ts'
import { type ChatGateway, type ChatNo, isRefusedForGood } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import type { Instead, Refused } from './refused.ts'
import { emitNotShown, insteadOfAnswer, reasonCode } from './show-screen.ts'
import { isInStarTransactions, type StarTransactions } from './star-transactions.ts'
import { isOutOfReach, type TellOperator } from './tell-operators.ts'
import { copiesMax, emitUnconfirmed } from './unconfirmed.ts'

/** The errands that are one call each: answer a tap, say a sentence, send an invoice, send again, take a file. */
export type SmallErrandsDeps = {
  readonly store: Store
  readonly record: (permit: Permit, order: OrderId, seen: Observation) => Promise<Recorded | undefined>
  readonly chat: ChatGateway
  readonly artifacts: ArtifactSource
  readonly pacing: Pacing
  readonly refused: Refused
  readonly texts: {
    /** Title, description and label of the invoice, in the payer's language. */
    readonly invoice: (permit: Permit, topUp: TopUp) => Promise<{ title: string; description: string; label: string }>
    readonly receipt: (permit: Permit, order: Order) => Promise<View>
    /** Where the result itself cannot be sent again. */
    readonly noResult: (permit: Permit, order: Order, why: 'away' | 'gone') => Promise<View>
    readonly noOriginal: (permit: Permit, order: Order, why: 'away' | 'gone') => Promise<View>
  }
  /** What a file that a person sent is, by its bytes; with its size when it is a picture that models take. */
  readonly examine: (bytes: Uint8Array) => Promise<Examined>
  /** The step that tells the wizard how a file turned out. */
  readonly fileChecked: (
    permit: Permit,
    owner: { readonly person: PersonId; readonly cid: Cid },
    file: TakenFile,
    verdict: FileVerdict,
  ) => Promise<void>
  /** The steps around a refund of Stars. */
  readonly starRefunds: {
    readonly mayBegin: (permit: Permit, refund: StarRefund, cid: Cid) => Promise<boolean>
    readonly done: (permit: Permit, refund: StarRefund, cid: Cid) => Promise<void>
    readonly refused: (permit: Permit, refund: StarRefund, why: string, cid: Cid) => Promise<void>
  }
  readonly starTransactions: StarTransactions
  readonly operators: readonly PersonId[]
  readonly tellOperator: TellOperator
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export type Examined =
  /** Upright, as it will be handed on. */
  | { readonly verdict: 'picture'; readonly bytes: number; readonly width: number; readonly height: number }
  | { readonly verdict: Exclude<FileVerdict, 'picture'> }

type StarRefund = { readonly charge: ChargeId; readonly person: PersonId }

/** Calls that nobody sees twice: a file is asked for, Stars are given back, so often before it is somebody's turn. */
const asksMax = 10
/** Nobody waits for the answer to a tap for longer. */
const answersMax = 3
const plain: View = { screen: 'result', text: [], keyboard: [] }

type Kinds =
  | 'answer_tap'
  | 'say'
  | 'remove_keyboard'
  | 'send_invoice'
  | 'send_again'
  | 'take_file'
  | 'refund_stars'
  | 'tell_operator'

export function createSmallErrands(deps: SmallErrandsDeps): Pick<Handlers, Kinds> {
  const { store, record, chat: gateway, artifacts, pacing, refused, texts, clock, telemetry } = deps

  /** The common end of a call about one chat. `done` runs only when Telegram did it; `instead` when it refuses for good. */
  async function settle<T>(
    outcome: Outcome<T, ChatNo>,
    chat: ChatId,
    { permit, cid, repeats }: ErrandContext,
    what: string,
    instead: Instead | undefined,
    done?: (value: T) => Promise<void>,
  ): Promise<Settled> {
    if (outcome.kind === 'done') {
      await done?.(outcome.value)
      return 'settled'
    }
    const reason = outcome.kind === 'unknown' ? 'DOWNSTREAM_TIMEOUT' : reasonCode(outcome.why)
    emitNotShown(telemetry, cid, reason, what, outcome.detail)
    if (outcome.kind === 'unknown') return againOrRest(repeats, cid, what, outcome.detail)
    if (outcome.retry.when !== 'never') return await pacing.after(permit, chat, outcome, repeats)
    if (isRefusedForGood(outcome)) await refused(permit, outcome, { cid, name: what, instead })
    return 'settled'
  }

  /** Telegram may have sent each of them. */
  function againOrRest(repeats: number, cid: Cid, what: string, detail: string): Settled {
    if (repeats + 1 < copiesMax) return pacing.again(repeats)
    emitUnconfirmed(telemetry, cid, what, repeats + 1, detail)
    return 'settled'
  }

  function tellShown({ cid }: ErrandContext, screen: string, message: MessageId, startedMs: number): void {
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    telemetry.emit('UI_SHOWN', { cid, screen_id: screen, message_id: message, took_ms: tookMs })
  }

  return {
    async answer_tap({ tap, text, alert, person }, { permit, cid, repeats }) {
      const answer = { ...(text === undefined ? {} : { text }), ...(alert === undefined ? {} : { alert }) }
      const outcome = await gateway.answerTap(tap, answer)
      // A tap that is too old has no spinner left to stop; a lost answer is not worth a second call.
      if (outcome.kind === 'not_done' && outcome.retry.when === 'later' && repeats + 1 < answersMax) {
        const { afterMs } = outcome.retry
        return afterMs === undefined ? pacing.again(repeats) : { againAt: after(clock.now(), afterMs) }
      }
      if (outcome.kind !== 'done')
        telemetry.emit('UI_NOT_SHOWN', { cid, reason_code: 'EXPIRED_MESSAGE', detail: outcome.detail })
      if (outcome.kind === 'not_done' && isRefusedForGood(outcome)) {
        const instead = person === undefined ? undefined : insteadOfAnswer(chatOfPerson(person), text)
        await refused(permit, outcome, { cid, name: 'answer', instead })
      }
      return 'settled'
    },

    async say({ view, isLast = false, ...errand }, context) {
      const to = destinationOf(errand)
      const { chat } = to
      const held = pacing.hold(chat, context.repeats)
      if (held !== undefined) return held
      const started = clock.monotonicMs()
      const outcome = await gateway.send(to, view)
      const instead = isLast ? undefined : ({ ...to, say: 'words', view } as const)
      return await settle(outcome, chat, context, view.screen, instead, async ({ message }) => {
        tellShown(context, view.screen, message, started)
      })
    },

    async remove_keyboard(errand, context) {
      const held = pacing.hold(errand.chat, context.repeats)
      if (held !== undefined) return held
      const outcome = await gateway.removeKeyboard(errand, errand.text)
      return await settle(outcome, errand.chat, context, 'keyboard', undefined)
    },

    async send_invoice(errand, context) {
      const { permit, repeats } = context
      const topUp = await store.transact(permit, (tx) => tx.topUps.get(errand.topUp))
      // An invoice that was sent and whose answer was lost is sent again; either of the two can be paid, once.
      if (topUp === undefined || topUp.state !== 'open' || topUp.message !== undefined) return 'settled'
      const held = pacing.hold(errand.chat, repeats)
      if (held !== undefined) return held
      const words = await texts.invoice(permit, topUp)
      const started = clock.monotonicMs()
      const outcome = await gateway.sendInvoice(errand, { ...words, payload: topUp.id, stars: topUp.stars })
      const instead = { ...destinationOf(errand), say: 'no_invoice', amount: topUp.amount } as const
      return await settle(outcome, errand.chat, context, 'invoice', instead, async ({ message }) => {
        tellShown(context, 'invoice', message, started)
        await store.transact(permit, async (tx) => {
          const now = await tx.topUps.lock(topUp.id)
          if (now !== undefined) await tx.topUps.save({ ...now, message })
        })
      })
    },

    async send_again(errand, context) {
      const { permit, cid, repeats } = context
      const { chat, as, index } = errand
      const to = destinationOf(errand)
      const order = await store.transact(permit, (tx) => tx.orders.get(errand.order))
      if (order === undefined) return 'settled'
      if (index === undefined) {
        const each = indexesOfSent(order).map((n) => ({ errand: { ...errand, index: n }, cid }))
        // Nothing has reached them yet: they are back, or do not want to wait.
        const wanted = each.length > 0 ? each : [{ errand: { kind: 'deliver', order: order.id, ...to } as const, cid }]
        await store.transact(permit, (tx) => tx.errands.add(wanted))
        return 'settled'
      }
      const artifact = 'artifacts' in order ? order.artifacts?.[index] : undefined
      if (artifact?.state !== 'sent') return 'settled'
      const held = pacing.hold(chat, repeats)
      if (held !== undefined) return held
      const one = { ...errand, index }
      if (as === 'document') return await sendOriginal(order, artifact, one, context)
      const isLast = indexesOfSent(order).at(-1) === index
      const view = isLast ? await texts.receipt(permit, order) : plain
      const outcome = await gateway.sendAgain(to, artifact.file, artifact.as, view)
      // Of a bot with another token, or one that Telegram has forgotten.
      if (isFileGone(outcome)) return await sendAnew(order, artifact, one, context, view)
      return await settle(outcome, chat, context, 'result', { ...to, say: 'not_shown' })
    },

    async take_file(errand, { permit, cid, repeats }) {
      const { uniqueId, message } = errand
      const file = { fileId: errand.fileId, uniqueId, bytes: 0, ...(message === undefined ? {} : { message }) }
      const fetched = await gateway.fetchFile(fileId(errand.fileId))
      if (fetched.kind === 'unknown' && repeats + 1 < asksMax) return pacing.again(repeats)
      if (fetched.kind === 'not_done' && fetched.retry.when === 'later') {
        return await pacing.after(permit, errand.chat, fetched, repeats)
      }
      if (fetched.kind !== 'done') {
        const reason = fetched.kind === 'unknown' ? 'DOWNSTREAM_TIMEOUT' : reasonCode(fetched.why)
        telemetry.emit('UI_NOT_SHOWN', { cid, reason_code: reason, detail: fetched.detail })
        const isTooBig = fetched.kind === 'not_done' && fetched.why === 'too_big'
        await deps.fileChecked(permit, { person: errand.person, cid }, file, isTooBig ? 'too_big' : 'lost')
        return 'settled'
      }
      const { bytes } = fetched.value
      const { verdict, ...size } = await deps.examine(bytes)
      await deps.fileChecked(permit, { person: errand.person, cid }, { ...file, bytes: bytes.length, ...size }, verdict)
      return 'settled'
    },

    /** Asked again, Telegram says that it has given them back; its list says so even when the answer was lost. */
    async refund_stars({ charge, person }, { permit, cid, repeats }) {
      const refund = { charge, person }
      if (!(await deps.starRefunds.mayBegin(permit, refund, cid))) return 'settled'
      const outcome = await gateway.refundStars(person, charge)
      if (outcome.kind === 'not_done') {
        if (outcome.retry.when === 'later') return await pacing.after(permit, chatOfPerson(person), outcome, repeats)
        await deps.starRefunds.refused(permit, refund, `Telegram refuses: ${outcome.detail}`, cid)
        return 'settled'
      }
      if (outcome.kind === 'unknown') {
        const listed = await isInStarTransactions(deps.starTransactions, charge)
        const isListed = listed.kind === 'done' && listed.value
        if (!isListed && repeats + 1 < asksMax) return pacing.again(repeats)
        if (!isListed) throw new Error(`Telegram does not confirm the refund of ${charge}: ${outcome.detail}`)
      }
      await deps.starRefunds.done(permit, refund, cid)
      telemetry.emit('REFUNDED', { cid, charge })
      return 'settled'
    },

    async tell_operator({ what, to }, { permit, cid, repeats }) {
      if (to === undefined) {
        telemetry.emit('OPERATOR_TOLD', { what, cid })
        const each = deps.operators.map((operator) => ({
          errand: { kind: 'tell_operator', what, to: operator } as const,
          cid,
        }))
        await store.transact(permit, (tx) => tx.errands.add(each))
        return 'settled'
      }
      const chat = chatOfPerson(to)
      const held = pacing.hold(chat, repeats)
      if (held !== undefined) return held
      const outcome = await deps.tellOperator(to, what, cid)
      if (outcome.kind === 'done') return 'settled'
      if (outcome.kind === 'unknown') return againOrRest(repeats, cid, 'trouble', outcome.detail)
      if (outcome.retry.when !== 'never') return await pacing.after(permit, chat, outcome, repeats)
      if (isOutOfReach(outcome)) await keepUnheard(permit, to, what, cid)
      return 'settled'
    },
  }

  /** Unless another operator hears it, the alert waits for this one. */
  async function keepUnheard(permit: Permit, operator: PersonId, says: string, cid: Cid): Promise<void> {
    const at = clock.now()
    await store.transact(permit, async (tx) => {
      const known = await tx.people.get(operator)
      if (known !== undefined && known.blockedBotAt === undefined) await tx.people.save({ ...known, blockedBotAt: at })
      for (const other of deps.operators.filter((each) => each !== operator)) {
        const person = await tx.people.get(other)
        if (person !== undefined && person.blockedBotAt === undefined) return
      }
      await tx.unheardAlerts.keep({ operator, says, cid, at })
    })
  }

  /** The file without Telegram's compression: as Telegram has it, or from where KIE keeps it. */
  async function sendOriginal(
    order: Order,
    artifact: Artifact & SentArtifact,
    errand: Extract<Errand, { kind: 'send_again' }> & { readonly index: number },
    context: ErrandContext,
  ): Promise<Settled> {
    const { chat } = errand
    const to = destinationOf(errand)
    const kept = artifact.original ?? (artifact.as === 'document' ? artifact.file : undefined)
    if (kept !== undefined) {
      const outcome = await gateway.sendAgain(to, kept, 'document', plain)
      if (!isFileGone(outcome)) return await settle(outcome, chat, context, 'result', { ...to, say: 'not_shown' })
    }
    return await sendAnew(order, artifact, errand, context, plain)
  }

  /** From where KIE keeps it; when it does not any more, the person is told. */
  async function sendAnew(
    order: Order,
    artifact: Artifact,
    errand: Extract<Errand, { kind: 'send_again' }> & { readonly index: number },
    context: ErrandContext,
    caption: View,
  ): Promise<Settled> {
    const { permit, repeats } = context
    const { chat, index, as } = errand
    const to = destinationOf(errand)
    const fetched = await artifacts.fetch(artifact.url)
    const mayCome = fetched.kind === 'unknown' || (fetched.kind === 'not_done' && fetched.retry.when === 'later')
    if (mayCome && repeats + 1 < asksMax) return pacing.again(repeats)
    if (fetched.kind !== 'done') {
      const why = mayCome ? 'away' : 'gone'
      const view = await (as === 'document' ? texts.noOriginal : texts.noResult)(permit, order, why)
      return await settle(await gateway.send(to, view), chat, context, view.screen, { ...to, say: 'words', view })
    }
    const { bytes, mime } = fetched.value
    await gateway.sayBusy(to, 'upload_photo')
    const name = `${order.id}-${index + 1}.${mime.split('/')[1] ?? 'bin'}`
    const form = as === 'document' ? as : bestForm(fetched.value)
    const outcome = await gateway.sendFile(to, { bytes, mime, name }, form, caption)
    return await settle(outcome, chat, context, 'result', { ...to, say: 'not_shown' }, async ({ file }) => {
      if (as === 'document') await record(permit, order.id, { type: 'original_sent', index, file })
    })
  }
}

const isFileGone = (outcome: Outcome<unknown, ChatNo>): boolean =>
  outcome.kind === 'not_done' && outcome.why === 'file_gone'

const indexesOfSent = (order: Order): readonly number[] =>
  'artifacts' in order ? (order.artifacts ?? []).flatMap(({ state }, n) => (state === 'sent' ? [n] : [])) : []
