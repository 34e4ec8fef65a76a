import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { z } from 'zod'
import { until } from '../fixtures/person.ts'
import { at, type Json, listAt, numberAt, startSandbox, textAt } from './telegram-setup.ts'

/** A person before an invoice over 50 Stars, and a bot that polls. */
async function atTheTill(t: TestContext) {
  const sandbox = await startSandbox(t)
  const anna = await sandbox.person()
  const invoice = await sandbox.ok('sendInvoice', {
    chat_id: anna,
    title: 'Top-up',
    description: 'Fifty',
    payload: 'topup:17',
    currency: 'XTR',
    prices: [{ label: 'Fifty', amount: 50 }],
  })
  const message_id = numberAt(invoice, 'message_id')
  let offset = 0
  return {
    sandbox,
    anna,
    pay: (outcome: string) => sandbox.control('POST', `/people/${anna}/payments`, { message_id, outcome }),
    async next(): Promise<unknown> {
      const [update] = z.array(z.unknown()).parse(await sandbox.ok('getUpdates', { offset, limit: 1, timeout: 5 }))
      offset = numberAt(update, 'update_id') + 1
      return update
    },
    answer: (update: unknown, rest: Json) =>
      sandbox.ok('answerPreCheckoutQuery', { pre_checkout_query_id: at(update, 'pre_checkout_query.id'), ...rest }),
  }
}

describe('paying with Stars', () => {
  it('asks the bot first, then pays, and tells it under a charge id of its own each time', async (t) => {
    const { sandbox, anna, pay, next, answer } = await atTheTill(t)
    const charges: string[] = []
    for (let i = 0; i < 2; i += 1) {
      const paying = pay('pay')
      const asked = await next()
      assert.equal(at(asked, 'pre_checkout_query.invoice_payload'), 'topup:17')
      assert.equal(at(asked, 'pre_checkout_query.total_amount'), 50)
      assert.equal(at(asked, 'pre_checkout_query.from.id'), anna)
      await answer(asked, { ok: true })
      const paid = await paying
      assert.equal(paid['outcome'], 'paid')
      charges.push(textAt(paid, 'charge_id'))
      const told = await next()
      assert.equal(at(told, 'message.successful_payment.telegram_payment_charge_id'), paid['charge_id'])
      assert.equal(at(told, 'message.successful_payment.invoice_payload'), 'topup:17')
    }
    assert.notEqual(charges[0], charges[1])
    assert.equal(at(await sandbox.ok('getMyStarBalance'), 'amount'), 100)
    const transactions = listAt(await sandbox.ok('getStarTransactions'), 'transactions')
    assert.deepEqual(
      transactions.map((one) => at(one, 'id')),
      charges,
    )
    assert.equal(at(transactions[0], 'source.transaction_type'), 'invoice_payment')
  })

  it("shows the bot's reason when it refuses, and takes nothing", async (t) => {
    const { sandbox, pay, next, answer } = await atTheTill(t)
    const paying = pay('pay')
    await answer(await next(), { ok: false, error_message: 'This top-up is closed.' })
    assert.deepEqual(await paying, { outcome: 'refused', error_message: 'This top-up is closed.' })
    assert.equal(at(await sandbox.ok('getMyStarBalance'), 'amount'), 0)
  })

  it('cancels the payment when the bot has said nothing for ten seconds, and then takes no answer', async (t) => {
    const { sandbox, pay, next } = await atTheTill(t)
    await sandbox.control('POST', '/clock', { rate: 0 })
    let outcome: unknown
    const paying = pay('pay').then((answer) => {
      outcome = answer['outcome']
    })
    const asked = await next()
    await sandbox.advance(9999)
    await sandbox.ok('getMe')
    assert.equal(outcome, undefined)
    await sandbox.advance(1)
    await until(() => outcome === 'timeout')
    await paying
    const late = await sandbox.call('answerPreCheckoutQuery', {
      pre_checkout_query_id: at(asked, 'pre_checkout_query.id'),
      ok: true,
    })
    assert.match(textAt(late.body, 'description'), /query is too old/)
    assert.equal(at(await sandbox.ok('getMyStarBalance'), 'amount'), 0)
  })

  it('hears nothing of a sheet that is closed, and only the question of one that is abandoned', async (t) => {
    const { sandbox, anna, pay, next, answer } = await atTheTill(t)
    assert.deepEqual(await pay('decline'), { outcome: 'declined' })
    assert.deepEqual(await sandbox.updates(), [])
    const leaving = pay('abandon')
    await answer(await next(), { ok: true })
    assert.deepEqual(await leaving, { outcome: 'abandoned' })
    assert.equal((await sandbox.chat(anna)).length, 1)
    assert.equal(at(await sandbox.ok('getMyStarBalance'), 'amount'), 0)
  })

  it('refunds once, by the bot or by Telegram, and shows it in chat and account', async (t) => {
    const { sandbox, anna, pay, next, answer } = await atTheTill(t)
    const buy = async () => {
      const paying = pay('pay')
      await answer(await next(), { ok: true })
      const paid = await paying
      await next()
      return textAt(paid, 'charge_id')
    }
    const mine = await buy()
    const theirs = await buy()
    const refund = { user_id: anna, telegram_payment_charge_id: mine }
    await sandbox.ok('refundStarPayment', refund)
    assert.equal(at(await next(), 'message.refunded_payment.telegram_payment_charge_id'), mine)
    assert.equal(
      (await sandbox.call('refundStarPayment', refund)).body['description'],
      'Bad Request: CHARGE_ALREADY_REFUNDED',
    )
    const unknown = await sandbox.call('refundStarPayment', { ...refund, telegram_payment_charge_id: 'x' })
    assert.equal(unknown.body['description'], 'Bad Request: CHARGE_NOT_FOUND')
    await sandbox.control('POST', `/people/${anna}/refunds/${theirs}`)
    assert.equal(at(await next(), 'message.refunded_payment.telegram_payment_charge_id'), theirs)
    assert.equal(at(await sandbox.ok('getMyStarBalance'), 'amount'), 0)
    const transactions = listAt(await sandbox.ok('getStarTransactions', { offset: 2 }), 'transactions')
    assert.deepEqual(
      transactions.map((one) => [at(one, 'id'), at(one, 'receiver.user.id')]),
      [
        [mine, anna],
        [theirs, anna],
      ],
    )
  })

  it('cancels after the same ten seconds for a bot that did not ask for pre_checkout_query', async (t) => {
    const { sandbox, pay } = await atTheTill(t)
    await sandbox.control('POST', '/clock', { rate: 0 })
    await sandbox.ok('getUpdates', { allowed_updates: ['message'] })
    let outcome: unknown
    const paying = pay('pay').then((answer) => {
      outcome = answer['outcome']
    })
    let passedMs = 0
    await until(async () => {
      if (outcome !== undefined) return true
      await sandbox.advance(1_000)
      passedMs += 1_000
      return false
    })
    await paying
    assert.equal(outcome, 'timeout')
    assert.ok(passedMs >= 10_000, `it was cancelled after ${passedMs} ms`)
    assert.deepEqual(await sandbox.updates(), [])
  })

  it('pays an invoice of a link', async (t) => {
    const { sandbox, anna, next, answer } = await atTheTill(t)
    const link = await sandbox.ok('createInvoiceLink', {
      title: 'L',
      description: 'D',
      payload: 'by-link',
      currency: 'XTR',
      prices: [{ label: 'x', amount: 1 }],
    })
    const paying = sandbox.control('POST', `/people/${anna}/payments`, { link, outcome: 'pay' })
    await answer(await next(), { ok: true })
    assert.equal((await paying)['outcome'], 'paid')
  })
})
