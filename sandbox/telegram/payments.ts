import type { World } from '../world.ts'
import { type Invoice, type InvoiceLink, invoiceLinkSchema, type Payment, paymentSchema } from './model.ts'
import { Table } from './table.ts'

/** Payments in Stars, their refunds, and the links invoices can be opened by. */
export class Payments {
  readonly #world: World
  readonly #payments: Table<Payment>
  readonly #links: Table<InvoiceLink>

  constructor(world: World) {
    this.#world = world
    this.#payments = new Table(world.shelf, 'telegram/payments/', paymentSchema)
    this.#links = new Table(world.shelf, 'telegram/invoice-links/', invoiceLinkSchema)
  }

  pay(bot: number, person: number, invoice: Invoice): Payment {
    const number = this.#world.shelf.next('telegram/charge')
    const charge = `stxSandbox_${bot}_${String(number).padStart(8, '0')}`
    return this.#payments.put(charge, {
      charge,
      bot,
      person,
      invoice,
      date: Math.floor(this.#world.clock.now() / 1000),
      order: this.#nextOrder(),
    })
  }

  find(charge: string): Payment | undefined {
    return this.#payments.get(charge)
  }

  refund(payment: Payment): Payment {
    const refundDate = Math.floor(this.#world.clock.now() / 1000)
    return this.#payments.put(payment.charge, { ...payment, refundDate, refundOrder: this.#nextOrder() })
  }

  of(bot: number): readonly Payment[] {
    return [...this.#payments.values()].filter((payment) => payment.bot === bot)
  }

  balance(bot: number): number {
    return this.of(bot)
      .filter(({ refundDate }) => refundDate === undefined)
      .reduce((sum, { invoice }) => sum + invoice.total, 0)
  }

  makeLink(bot: number, invoice: Invoice): string {
    const slug = `sandbox${this.#world.shelf.next('telegram/invoice-link')}`
    this.#links.put(slug, { slug, bot, invoice })
    return `https://t.me/$${slug}`
  }

  byLink(link: string): InvoiceLink | undefined {
    return this.#links.get(link.replace(/^https:\/\/t\.me\/(?:\$|invoice\/)/, ''))
  }

  clear(): void {
    this.#payments.clear()
    this.#links.clear()
  }

  #nextOrder(): number {
    return this.#world.shelf.next('telegram/transaction')
  }
}
