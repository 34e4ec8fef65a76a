import type { ChargeId, OrderId, PersonId } from '../../src/kit/ids.ts'
import type { Price, ShopDay } from '../../src/money/amount.ts'

/**
 * The ledger in a few maps, without accounts, transfers or concurrency: what the real one must answer to the same
 * commands. `fault` stands for anything that is thrown.
 */
export type Command =
  | { readonly type: 'credit'; readonly person: PersonId; readonly charge: ChargeId; readonly amount: number }
  | { readonly type: 'reverse'; readonly charge: ChargeId }
  | { readonly type: 'give_money'; readonly person: PersonId; readonly key: string; readonly amount: number }
  | { readonly type: 'give_free'; readonly person: PersonId; readonly key: string; readonly amount: number }
  | {
      readonly type: 'hold'
      readonly person: PersonId
      readonly order: OrderId
      readonly price: Price
      readonly day: ShopDay
    }
  | { readonly type: 'capture'; readonly order: OrderId; readonly part?: number }
  | { readonly type: 'release'; readonly order: OrderId }
  | { readonly type: 'refund'; readonly order: OrderId; readonly part?: number }

type ModelOrder = {
  readonly person: PersonId
  readonly price: Price
  readonly purse: string
  readonly held: number
  captured: number
  settled: 'no' | 'captured' | 'released'
  refunded: boolean
}

export class LedgerModel {
  /** What is in `person/RUB`, `person/GEN` and `person/GEN/day`. */
  readonly purses = new Map<string, number>()
  readonly debts = new Map<PersonId, number>()
  readonly orders = new Map<OrderId, ModelOrder>()
  readonly #charges = new Map<ChargeId, { readonly person: PersonId; readonly amount: number; reversed: boolean }>()
  /** Charges that were given back before they were paid. */
  readonly #early = new Set<ChargeId>()
  readonly #gifts = new Set<string>()

  run(command: Command): string {
    switch (command.type) {
      case 'credit':
        return this.#credit(command)
      case 'reverse':
        return this.#reverse(command.charge)
      case 'give_money':
        return this.#give(`rub-${command.key}`, `${command.person}/RUB`, command.amount)
      case 'give_free':
        return this.#give(`gen-${command.key}`, `${command.person}/GEN`, command.amount)
      case 'hold':
        return this.#hold(command)
      case 'capture':
        return this.#capture(command.order, command.part)
      case 'release':
        return this.#release(command.order)
      case 'refund':
        return this.#refund(command.order, command.part)
    }
  }

  #credit({ person, charge, amount }: Extract<Command, { type: 'credit' }>): string {
    if (this.#charges.has(charge)) return 'already_credited'
    const reversed = this.#early.has(charge)
    this.#charges.set(charge, { person, amount, reversed })
    if (reversed) return 'credited_and_reversed'
    this.#comeBack(person, `${person}/RUB`, amount)
    return 'credited'
  }

  #reverse(charge: ChargeId): string {
    const credited = this.#charges.get(charge)
    if (credited === undefined) {
      if (this.#early.has(charge)) return 'already_reversed'
      this.#early.add(charge)
      return 'noted_early'
    }
    if (credited.reversed) return 'already_reversed'
    credited.reversed = true
    const { person, amount } = credited
    const taken = Math.min(amount, this.#in(`${person}/RUB`))
    this.#move(`${person}/RUB`, -taken)
    this.debts.set(person, (this.debts.get(person) ?? 0) + amount - taken)
    return 'reversed'
  }

  #give(key: string, purse: string, amount: number): string {
    if (this.#gifts.has(key)) return 'already_given'
    this.#gifts.add(key)
    this.#move(purse, amount)
    return 'given'
  }

  #hold({ person, order, price, day }: Extract<Command, { type: 'hold' }>): string {
    const today = `${person}/GEN/${day}`
    if (price.unit === 'GEN' && !this.purses.has(today)) this.#move(today, 5)
    const known = this.orders.get(order)
    if (known !== undefined) {
      const same = known.person === person && JSON.stringify(known.price) === JSON.stringify(price)
      return same ? 'already_held' : 'fault'
    }
    const held = price.unit === 'RUB' ? price.kopecks : 1
    const purses = price.unit === 'RUB' ? [`${person}/RUB`] : [today, `${person}/GEN`]
    const purse = purses.find((each) => this.#in(each) >= held)
    if (purse === undefined) return price.unit === 'RUB' ? 'not_enough_money' : 'no_free_left'
    this.#move(purse, -held)
    this.orders.set(order, { person, price, purse, held, captured: 0, settled: 'no', refunded: false })
    return 'held'
  }

  #capture(id: OrderId, part: number | undefined): string {
    const order = this.orders.get(id)
    if (order === undefined) return 'fault'
    if (order.settled !== 'no') return `already_${order.settled}`
    if (part !== undefined && (order.price.unit === 'GEN' || part > order.held)) return 'fault'
    order.settled = 'captured'
    order.captured = part ?? order.held
    this.#comeBack(order.person, order.purse, order.held - order.captured)
    return 'captured'
  }

  #release(id: OrderId): string {
    const order = this.orders.get(id)
    if (order === undefined) return 'fault'
    if (order.settled !== 'no') return `already_${order.settled}`
    order.settled = 'released'
    this.#comeBack(order.person, order.purse, order.held)
    return 'released'
  }

  #refund(id: OrderId, part: number | undefined): string {
    const order = this.orders.get(id)
    if (order === undefined) return 'fault'
    if (order.settled !== 'captured') return 'nothing_captured'
    if (order.refunded) return 'already_refunded'
    if (part !== undefined && (order.price.unit === 'GEN' || part > order.captured)) return 'fault'
    order.refunded = true
    this.#comeBack(order.person, order.purse, part ?? order.captured)
    return 'refunded'
  }

  /** Roubles pay a debt first. */
  #comeBack(person: PersonId, purse: string, amount: number): void {
    const paid = purse.endsWith('/RUB') ? Math.min(amount, this.debts.get(person) ?? 0) : 0
    this.debts.set(person, (this.debts.get(person) ?? 0) - paid)
    this.#move(purse, amount - paid)
  }

  #in(purse: string): number {
    return this.purses.get(purse) ?? 0
  }

  #move(purse: string, change: number): void {
    this.purses.set(purse, this.#in(purse) + change)
  }
}
