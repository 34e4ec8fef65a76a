import type { ForeignFormat } from '../../catalog/foreign-format.ts'
import type { Category, OfferKind } from '../../catalog/offer.ts'
import type { Instant } from '../../kit/clock.ts'
import type { Kopecks, Price, Stars } from '../../money/amount.ts'
import type { FreeLeft } from '../../money/ledger.ts'
import type { PreCheckoutVerdict } from '../../money/top-up.ts'
import type { OrderStatus, ReleaseReason, Stage } from '../../orders/order.ts'
import type { Refusal } from '../../orders/refusal.ts'
import type { Language } from '../../people/person.ts'
import type { HelpPage } from '../address.ts'
import type { Notice } from '../session.ts'

/**
 * Everything the service says to people, in one language. One typed object: a text that is missing, and a refusal or a
 * notice without its sentence, do not compile. Sentences are plain; screens put structure around them.
 */
export type Texts = {
  readonly language: Language

  readonly money: (amount: Kopecks) => string
  readonly date: (at: Instant, timezone: string) => string
  readonly duration: (ms: number) => string
  readonly range: (fromMs: number, toMs: number) => string
  readonly number: (n: number) => string
  readonly generations: (n: number) => string
  readonly pictures: (n: number) => string
  readonly characters: (n: number) => string
  readonly yes: string
  readonly no: string
  /** The name of the code that a person quotes to support. */
  readonly code: string

  readonly buttons: {
    readonly home: string
    readonly back: string
    readonly free: (left: number) => string
    readonly balance: (balance: Kopecks) => string
    readonly history: string
    readonly help: string
    readonly language: string
    readonly referral: string
    readonly all: string
    readonly start: string
    readonly carryOn: string
    readonly settings: string
    readonly change: string
    readonly done: string
    readonly reset: string
    readonly skip: string
    readonly keep: string
    readonly enough: string
    readonly removePictures: string
    /** Begins with «Запустить» in Russian: the contract says so. */
    readonly run: (price: string) => string
    readonly runFree: string
    readonly topUp: string
    readonly topUpBy: (amount: Kopecks) => string
    readonly otherAmount: string
    readonly topUpAmount: (amount: Kopecks, stars: Stars) => string
    readonly cancel: string
    readonly hideProgress: string
    readonly again: string
    readonly retry: string
    readonly edit: string
    readonly original: string
    readonly resend: string
    readonly toOrder: string
    readonly models: string
    readonly writeToSupport: string
    readonly share: string
  }
  readonly categories: Readonly<Record<Category, string>>
  readonly kinds: Readonly<Record<OfferKind, string>>

  readonly toasts: {
    readonly unknownButton: string
    readonly oldButton: string
    readonly label: string
    readonly starting: string
    readonly alreadyStarted: string
    readonly startedOver: string
    readonly invoice: string
    readonly invoiceSent: string
    readonly languageSet: string
    readonly cancelled: (price: Price) => string
    readonly hidden: (price: Price) => string
    readonly tooLateToCancel: string
    readonly sending: string
    readonly nothingToSend: string
  }

  readonly refusals: RefusalTexts
  readonly notices: NoticeTexts
  /** While the keyboard of a former program is taken away. */
  readonly keyboardGone: string

  readonly home: {
    readonly hello: (name: string) => string
    readonly whatItDoes: string
    readonly title: string
    readonly invitation: string
    readonly free: (left: FreeLeft, daily: number) => string
    readonly balance: (balance: Kopecks) => string
  }
  readonly shelf: {
    readonly free: string
    readonly tags: string
    readonly freeLeft: (left: number) => string
    readonly noFreeLeft: string
    readonly empty: string
    readonly from: (price: string) => string
  }
  readonly card: {
    readonly needs: string
    readonly aPrompt: (max: number) => string
    readonly somePictures: (min: number, max: number) => string
    readonly canBeSet: string
    readonly price: (price: string) => string
    readonly free: (left: number) => string
    readonly freeUsedUp: string
    readonly someFree: string
    readonly usually: (range: string) => string
    readonly example: string
    readonly filled: string
    readonly writeNow: string
    readonly sendPhotoNow: string
    readonly pressStart: string
  }
  readonly wizard: {
    readonly askPrompt: (max: number) => string
    readonly askText: (label: string, max: number) => string
    readonly askPictures: (label: string, min: number, max: number, bytes: number) => string
    readonly picturesSoFar: (count: number, max: number) => string
    readonly checking: (count: number) => string
    readonly askChoice: (label: string) => string
    readonly askNumber: (label: string, min: number, max: number, step: number) => string
    readonly optional: string
    readonly now: (value: string) => string
    readonly byDefault: string
    readonly panelTitle: string
    readonly panelHint: string
    readonly notSet: string
  }
  readonly confirm: {
    readonly title: string
    readonly prompt: string
    readonly price: (price: string) => string
    readonly isFree: (leftAfter: number) => string
    readonly nowPaid: string
    readonly balance: (balance: Kopecks, after: Kopecks) => string
    readonly missing: (balance: Kopecks, missing: Kopecks) => string
    readonly ifItFails: (price: Price) => string
    readonly notSellable: string
  }
  readonly progress: {
    readonly sending: string
    readonly canCancel: string
    readonly cannotCancel: (price: Price) => string
    readonly uncertain: (left: string) => string
    readonly stages: Readonly<Record<Stage, string>>
    readonly elapsed: (time: string) => string
    readonly usually: (range: string) => string
    readonly unmeasured: string
    readonly late: string
    readonly quiet: string
    readonly delivering: string
    /** Made, and none of it can be fetched yet. */
    readonly looking: (price: Price) => string
    readonly completed: string
    readonly refunded: (price: Price) => string
  }
  readonly failed: {
    readonly title: string
    readonly cancelledTitle: string
    readonly reasons: Readonly<Record<ReleaseReason, string>>
    readonly notCharged: (price: Price) => string
    readonly debtPaid: (amount: Kopecks) => string
    readonly giftComes: string
    /** Given back because its file could not be fetched, which may yet change. */
    readonly giftLookedFor: string
    readonly giftCame: string
  }
  readonly result: {
    readonly paid: (price: Kopecks) => string
    readonly paidShare: (paid: Kopecks, back: Kopecks) => string
    /** So many results have arrived, of so many that were ordered. */
    readonly arrived: (sent: number, ordered: number) => string
    /** So many results cannot be fetched yet. */
    readonly lookingFor: (n: number, price: Price) => string
    readonly free: string
    readonly balance: (balance: Kopecks) => string
    readonly freeLeft: (left: number) => string
    readonly gift: string
    /** Under a result that was found after its receipt. */
    readonly lateGift: string
    readonly originalGone: string
    readonly resultGone: string
    readonly resultAway: string
    readonly originalAway: string
  }
  readonly balance: {
    readonly title: string
    readonly amount: (balance: Kopecks) => string
    readonly freeToday: (left: number, daily: number) => string
    readonly extra: (left: number) => string
    readonly explained: string
    readonly credited: (amount: Kopecks, balance: Kopecks) => string
    readonly starsTakenBack: (stars: Stars, balance: Kopecks) => string
    readonly owed: (debt: Kopecks) => string
    readonly orderRefunded: (back: Price, balance: Kopecks) => string
    readonly reason: (why: string) => string
  }
  readonly topUp: {
    readonly title: string
    readonly explained: string
    readonly typed: (min: Kopecks, max: Kopecks) => string
  }
  readonly invoice: {
    /** At most 32 characters. */
    readonly title: string
    /** At most 255 characters. */
    readonly description: (amount: Kopecks) => string
    readonly label: (amount: Kopecks) => string
  }
  /** Shown by Telegram in place of the payment. */
  readonly preCheckout: Readonly<Record<Extract<PreCheckoutVerdict, { ok: false }>['why'], string>>
  readonly history: {
    readonly title: string
    readonly hint: string
    readonly empty: string
  }
  readonly order: {
    readonly title: string
    readonly states: Readonly<Record<OrderStatus, string>>
    readonly price: string
    readonly free: string
    readonly notFound: string
  }
  readonly help: {
    readonly title: string
    readonly how: readonly string[]
    readonly questions: (daily: number) => readonly { readonly ask: string; readonly answer: string }[]
    readonly pages: Readonly<Record<HelpPage, string>>
    readonly contact: (contact: string) => string
    readonly noContact: string
  }
  readonly support: { readonly title: string; readonly text: string; readonly payments: string }
  readonly terms: { readonly title: string; readonly rules: readonly string[] }
  readonly privacy: { readonly title: string; readonly rules: readonly string[] }
  readonly languages: { readonly title: string }
  readonly referral: { readonly title: string; readonly notOpen: string; readonly link: string; readonly share: string }
  readonly trouble: {
    readonly title: string
    readonly text: string
    readonly banned: string
    /** Telegram refused a screen of ours. */
    readonly notShown: string
    /** Under the words of a message that Telegram refused with its buttons. */
    readonly withoutButtons: string
    readonly noInvoice: (amount: Kopecks) => string
  }
}

export type RefusalTexts = {
  readonly [Code in Refusal['code']]: (refusal: Extract<Refusal, { code: Code }>) => string
}
/** What is said of a file in a format that no model takes: what it is, and what to do. */
export type ForeignTexts = { readonly [Format in ForeignFormat]: string }
/** A refusal among the notices has its own table. */
export type NoticeTexts = {
  readonly [Type in Exclude<Notice['type'], 'refused'>]: (notice: Extract<Notice, { type: Type }>) => string
}
