import type { TakenFile } from '../catalog/offer.ts'
import type { FileVerdict } from '../conversation/screen.ts'
import type { View } from '../conversation/view.ts'
import type { Errand } from '../errands/errand.ts'
import type { ErrandContext, Handlers, Settled } from '../errands/runner.ts'
import { after, type Clock } from '../kit/clock.ts'
import { type Cid, chatOfPerson, fileId, type MessageId, type PersonId } from '../kit/ids.ts'
import type { Outcome } from '../kit/outcome.ts'
import type { TopUp } from '../money/top-up.ts'
import { isOnItsWay, type Order } from '../orders/order.ts'
import type { Permit } from '../permit.ts'
import type { Store } from '../store.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ArtifactSource } from './artifact-source.ts'
import type { ChatGateway, ChatNo } from './chat-gateway.ts'
import type { Pacing } from './pacing.ts'
import { reasonCode, tellNotShown } from './show-screen.ts'
import { operatorView } from './tell-operators.ts'

/** The errands that are one call each: answer a tap, say a sentence, send an invoice, send again, take a file. */
export type SmallErrandsDeps = {
  readonly store: Store
  readonly chat: ChatGateway
  readonly artifacts: ArtifactSource
  readonly pacing: Pacing
  readonly texts: {
    /** Title, description and label of the invoice, in the payer's language. */
    readonly invoice: (permit: Permit, topUp: TopUp) => Promise<{ title: string; description: string; label: string }>
    readonly caption: (permit: Permit, order: Order) => Promise<View>
    readonly originalGone: (permit: Permit, order: Order) => Promise<View>
  }
  readonly isPicture: (bytes: Uint8Array) => boolean
  /** The step that tells the wizard how a file turned out. */
  readonly fileChecked: (
    permit: Permit,
    owner: { readonly person: PersonId; readonly cid: Cid },
    file: TakenFile,
    verdict: FileVerdict,
  ) => Promise<void>
  readonly operators: readonly PersonId[]
  readonly clock: Clock
  readonly telemetry: Telemetry
}

const operatorAgainMs = 10_000

type Kinds = 'answer_tap' | 'say' | 'send_invoice' | 'send_again' | 'take_file' | 'refund_stars' | 'tell_operator'

export function createSmallErrands(deps: SmallErrandsDeps): Pick<Handlers, Kinds> {
  const { store, chat: gateway, artifacts, pacing, texts, clock, telemetry } = deps

  /** The common end of a call about one chat. `done` runs only when Telegram did it. */
  async function settle<T>(
    outcome: Outcome<T, ChatNo>,
    errand: { readonly chat: Extract<Errand, { kind: 'say' }>['chat'] },
    { permit, cid }: ErrandContext,
    what: string,
    done?: (value: T) => Promise<void>,
  ): Promise<Settled> {
    if (outcome.kind === 'done') {
      await done?.(outcome.value)
      return 'settled'
    }
    const reason = outcome.kind === 'unknown' ? 'DOWNSTREAM_TIMEOUT' : reasonCode(outcome.why)
    tellNotShown(telemetry, cid, reason, what, outcome.detail)
    if (outcome.kind === 'unknown') return pacing.again(2_000)
    return outcome.retry.when === 'never' ? 'settled' : await pacing.after(permit, errand.chat, outcome)
  }

  function tellShown({ cid }: ErrandContext, screen: string, message: MessageId, startedMs: number): void {
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    telemetry.tell('UI_SHOWN', { cid, screen_id: screen, message_id: message, took_ms: tookMs })
  }

  return {
    async answer_tap({ tap, text, alert }, { cid }) {
      const answer = { ...(text === undefined ? {} : { text }), ...(alert === undefined ? {} : { alert }) }
      const outcome = await gateway.answerTap(tap, answer)
      // A tap that is too old has no spinner left to stop; a lost answer is not worth a second call.
      if (outcome.kind === 'not_done' && outcome.retry.when === 'later') {
        return { againAt: after(clock.now(), outcome.retry.afterMs ?? 1_000) }
      }
      if (outcome.kind !== 'done')
        telemetry.tell('UI_NOT_SHOWN', { cid, reason_code: 'EXPIRED_MESSAGE', detail: outcome.detail })
      return 'settled'
    },

    async say(errand, context) {
      const wait = pacing.waitFor(errand.chat)
      if (wait !== undefined) return { againAt: wait }
      const started = clock.monotonicMs()
      const outcome = await gateway.send(errand.chat, errand.view)
      return await settle(outcome, errand, context, errand.view.screen, async ({ message }) => {
        tellShown(context, errand.view.screen, message, started)
      })
    },

    async send_invoice(errand, context) {
      const { permit } = context
      const topUp = await store.transact(permit, (tx) => tx.topUps.get(errand.topUp))
      // An invoice that was sent and whose answer was lost is sent again; either of the two can be paid, once.
      if (topUp === undefined || topUp.state !== 'open' || topUp.message !== undefined) return 'settled'
      const wait = pacing.waitFor(errand.chat)
      if (wait !== undefined) return { againAt: wait }
      const words = await texts.invoice(permit, topUp)
      const started = clock.monotonicMs()
      const outcome = await gateway.sendInvoice(errand.chat, { ...words, payload: topUp.id, stars: topUp.stars })
      return await settle(outcome, errand, context, 'invoice', async ({ message }) => {
        tellShown(context, 'invoice', message, started)
        await store.transact(permit, async (tx) => {
          const now = await tx.topUps.lock(topUp.id)
          if (now !== undefined) await tx.topUps.save({ ...now, message })
        })
      })
    },

    async send_again(errand, context) {
      const { permit } = context
      const order = await store.transact(permit, (tx) => tx.orders.get(errand.order))
      if (order === undefined) return 'settled'
      // The person may see the picture, and press its buttons, before its delivery is written down.
      if (isOnItsWay(order)) return pacing.again(500)
      const delivered = 'delivered' in order ? (order.delivered ?? []) : []
      if (delivered.length === 0) return 'settled'
      const wait = pacing.waitFor(errand.chat)
      if (wait !== undefined) return { againAt: wait }
      if (errand.as === 'document') return await sendOriginal(order, errand, context)
      const caption = await texts.caption(permit, order)
      for (const [position, each] of delivered.entries()) {
        const last = position === delivered.length - 1
        const view: View = last ? caption : { screen: 'result', text: [], keyboard: [] }
        const outcome = await gateway.sendAgain(errand.chat, each.file, each.as, view)
        if (outcome.kind !== 'done') return await settle(outcome, errand, context, 'result')
      }
      return 'settled'
    },

    async take_file(errand, { permit, cid }) {
      const file = { fileId: errand.fileId, uniqueId: errand.uniqueId, bytes: 0 }
      const fetched = await gateway.fetchFile(fileId(errand.fileId))
      if (fetched.kind === 'unknown') return pacing.again(1_000)
      if (fetched.kind === 'not_done' && fetched.retry.when === 'later') {
        return await pacing.after(permit, errand.chat, fetched)
      }
      if (fetched.kind === 'not_done') {
        telemetry.tell('UI_NOT_SHOWN', { cid, reason_code: reasonCode(fetched.why), detail: fetched.detail })
        await deps.fileChecked(
          permit,
          { person: errand.person, cid },
          file,
          fetched.why === 'too_big' ? 'too_big' : 'lost',
        )
        return 'settled'
      }
      const { bytes } = fetched.value
      const verdict = deps.isPicture(bytes) ? 'picture' : 'not_a_picture'
      await deps.fileChecked(permit, { person: errand.person, cid }, { ...file, bytes: bytes.length }, verdict)
      return 'settled'
    },

    async refund_stars({ charge, person }, { permit, cid }) {
      const outcome = await gateway.refundStars(person, charge)
      if (outcome.kind === 'unknown') return pacing.again(5_000)
      if (outcome.kind === 'not_done') {
        if (outcome.retry.when === 'later') return pacing.again(outcome.retry.afterMs ?? 5_000)
        throw new Error(`Telegram refuses to refund ${charge}: ${outcome.detail}`)
      }
      await store.transact(permit, (tx) => tx.ledger.reverse({ charge, at: clock.now(), cid }))
      telemetry.tell('REFUNDED', { cid, charge })
      return 'settled'
    },

    async tell_operator({ what, to }, { permit, cid }) {
      if (to === undefined) {
        telemetry.tell('OPERATOR_TOLD', { what, cid })
        const each = deps.operators.map((operator) => ({
          errand: { kind: 'tell_operator', what, to: operator } as const,
          cid,
        }))
        await store.transact(permit, (tx) => tx.errands.add(each))
        return 'settled'
      }
      const chat = chatOfPerson(to)
      const wait = pacing.waitFor(chat)
      if (wait !== undefined) return { againAt: wait }
      const outcome = await gateway.send(chat, operatorView(what, cid))
      if (outcome.kind === 'done') return 'settled'
      telemetry.tell('OPERATOR_NOT_TOLD', { what, error: outcome.detail, cid })
      // A message that may have arrived is repeated: hearing of trouble twice is better than not at all.
      if (outcome.kind === 'unknown') return pacing.again(operatorAgainMs)
      return outcome.retry.when === 'never' ? 'settled' : await pacing.after(permit, chat, outcome)
    },
  }

  /** The file without Telegram's compression, from where KIE keeps it. */
  async function sendOriginal(
    order: Order,
    errand: Extract<Errand, { kind: 'send_again' }>,
    context: ErrandContext,
  ): Promise<Settled> {
    const urls = 'artifacts' in order ? (order.artifacts ?? []) : []
    const plain: View = { screen: 'result', text: [], keyboard: [] }
    for (const [index, url] of urls.entries()) {
      const fetched = await artifacts.fetch(url)
      if (fetched.kind === 'unknown') return pacing.again(2_000)
      if (fetched.kind === 'not_done') {
        const view = await texts.originalGone(context.permit, order)
        return await settle(await gateway.send(errand.chat, view), errand, context, view.screen)
      }
      const { bytes, mime } = fetched.value
      await gateway.sayBusy(errand.chat, 'upload_photo')
      const name = `${order.id}-${index + 1}.${mime.split('/')[1] ?? 'bin'}`
      const outcome = await gateway.sendFile(errand.chat, { bytes, mime, name }, 'document', plain)
      if (outcome.kind !== 'done') return await settle(outcome, errand, context, 'result')
    }
    return 'settled'
  }
}
