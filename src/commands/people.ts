import type { Config } from '../config/config.ts'
import { newCid, newTransferId, type PersonId, personId } from '../kit/ids.ts'
import { unreachable } from '../kit/unreachable.ts'
import { generations, kopecks } from '../money/amount.ts'
import type { Gift } from '../money/ledger.ts'
import { shopDayAt } from '../money/shop-day.ts'
import type { Database } from '../storage/postgres/database.ts'
import { type Given, giveByHand } from '../storage/postgres/gifts-by-hand.ts'
import { createPostgresLedger } from '../storage/postgres/ledger.ts'
import { createPostgresOrders } from '../storage/postgres/orders.ts'
import { createPostgresPeople } from '../storage/postgres/people.ts'
import { setBanned } from '../storage/postgres/people-admin.ts'
import { botOfSchema } from '../storage/postgres/secrets.ts'
import type { Sql } from '../storage/postgres/sql.ts'
import { inTransaction } from '../storage/postgres/store.ts'
import type { Command, CommandContext } from './command.ts'
import { priceOf } from './orders.ts'
import { withDatabase } from './with-database.ts'
import { numberOf, readWords } from './words.ts'

export const people: Command = {
  summary: 'A person: `people show ID`, `people block ID`, `people unblock ID`, `people credit ID …`.',
  usage: `  show ID                     balance, free generations, newest orders and transactions
  block ID | unblock ID       they can order nothing; the bot says so to them
  credit ID --rub N --why W   gives roubles (such as 99 or 12.50); as a transfer of its own kind, with W as its reason
  credit ID --free N --why W  gives free generations that last until they are used
  --key K                     with credit: the same key gives once, however often it is typed, and no other gift

ID is the Telegram id (user_id=… in the log).`,
  async run(context) {
    const read = readWords(context.words, {
      rub: { type: 'string' },
      free: { type: 'string' },
      why: { type: 'string' },
      key: { type: 'string' },
    })
    if (!read.ok) return refuse(context, read.problem)
    const [act, text] = read.rest
    const id = numberOf(text, { min: 1, max: 2 ** 52 })
    if (id === undefined) return refuse(context, 'Say who: trt people show 12345678 (their Telegram id)')
    const person = personId(id)
    switch (act) {
      case 'show':
        return await withDatabase(context, (database, config) => show(context, database, config, person))
      case 'block':
      case 'unblock':
        return await withDatabase(context, (database) => ban(context, database, person, act === 'block'))
      case 'credit': {
        const gift = giftOf(read.values)
        if (typeof gift === 'string') return refuse(context, gift)
        return await withDatabase(context, (database) => credit(context, database, person, gift))
      }
      default:
        return refuse(context, 'Say what to do: trt people show ID, block ID, unblock ID or credit ID')
    }
  },
}

const shownMax = 10

async function show(
  { print, complain, clock }: CommandContext,
  { work }: Database,
  { shop }: Config,
  id: PersonId,
): Promise<number> {
  return await inTransaction(work, async (sql) => {
    const person = await createPostgresPeople(sql).get(id)
    if (person === undefined) {
      complain(`Nobody with the id ${id} has written to this bot.`)
      return 1
    }
    const ledger = await ledgerOn(sql, shop.freeDaily)
    const { today, extra } = await ledger.free(id, shopDayAt(clock.now(), shop.timezone))
    const debt = await ledger.debt(id)
    const rows = {
      person: `${id} ${person.firstName}${person.username === undefined ? '' : ` @${person.username}`}`,
      language: person.language,
      since: timeOf(person.firstSeenAt),
      balance: priceOf({ unit: 'RUB', kopecks: await ledger.balance(id) }),
      free: `${today} today, ${extra} without a day`,
      ...(debt === 0 ? {} : { debt: priceOf({ unit: 'RUB', kopecks: debt }) }),
      ...(person.bannedAt === undefined ? {} : { blocked: `by the operator, ${timeOf(person.bannedAt)}` }),
      ...(person.blockedBotAt === undefined ? {} : { left: `blocked the bot, ${timeOf(person.blockedBotAt)}` }),
    }
    for (const [name, value] of Object.entries(rows)) print(`${name.padEnd(9)} ${value}`)
    const recent = await createPostgresOrders(sql).recent(id, { skip: 0, take: shownMax })
    for (const { id: order, placedAt, status, offer, price } of recent) {
      print(`order     ${timeOf(placedAt)}  ${order}  ${status.padEnd(10)}  ${offer}  ${priceOf(price)}`)
    }
    for (const { at, kind, change, order, cid } of await ledger.transactionsOf(id, shownMax)) {
      const sum = priceOf({ unit: 'RUB', kopecks: change })
      print(`money     ${timeOf(at)}  ${kind} ${sum}${order === undefined ? '' : `  order ${order}`}  cid=${cid}`)
    }
    const [newest] = recent
    print(newest === undefined ? 'No orders yet. Nothing to do.' : `The newest order: trt orders show ${newest.id}`)
    return 0
  })
}

async function ban(
  { print, complain, clock }: CommandContext,
  { work }: Database,
  person: PersonId,
  isBanned: boolean,
): Promise<number> {
  const found = await inTransaction(work, (sql) => setBanned(sql, person, isBanned ? clock.now() : null))
  if (!found) {
    complain(`Nobody with the id ${person} has written to this bot.`)
    return 1
  }
  print(
    isBanned
      ? `${person} can order nothing any more. Running orders end as they would. Undo: trt people unblock ${person}`
      : `${person} is let in again. Nothing more to do.`,
  )
  return 0
}

const rubMax = 100_000
const freeMax = 1_000

type Wish = { readonly gift: Gift['gift']; readonly key: string; readonly why: string }

/** What is to be given, or a sentence on what is wrong with it. */
function giftOf(typed: { rub?: string; free?: string; why?: string; key?: string }): Wish | string {
  const { rub, free, why, key = newTransferId() } = typed
  if ((rub === undefined) === (free === undefined)) return 'Say how much: --rub 99 or --free 5, one of the two.'
  if (why === undefined || !/^[^\p{C}]{3,100}$/u.test(why))
    return 'Say why, in 3 to 100 symbols: --why "the picture was spoilt"'
  if (!/^[\w.-]{1,64}$/.test(key)) return '--key takes up to 64 letters, digits, dots, _ or -.'
  if (free !== undefined) {
    const count = numberOf(free, { min: 1, max: freeMax })
    if (count === undefined) return `--free takes 1 to ${freeMax}.`
    return { gift: { unit: 'GEN', count: generations(count) }, key, why }
  }
  const amount = /^\d{1,6}(\.\d{1,2})?$/.test(rub ?? '') ? Math.round(Number(rub) * 100) : 0
  if (amount < 1 || amount > rubMax * 100) return `--rub takes 0.01 to ${rubMax}, such as 99 or 12.50.`
  return { gift: { unit: 'RUB', kopecks: kopecks(amount) }, key, why }
}

/** A gift has a key of its own, which gives once; that, and not a permit, is what makes a repeat harmless. */
async function credit(
  { print, complain, clock }: CommandContext,
  { work }: Database,
  person: PersonId,
  { gift, key, why }: Wish,
): Promise<number> {
  const cid = newCid()
  const given = await inTransaction(work, async (sql) => {
    if ((await createPostgresPeople(sql).get(person)) === undefined) return { kind: 'nobody' } as const
    const wish = { key, person, gift, why, at: clock.now(), cid }
    return await giveByHand(sql, await ledgerOn(sql, 0), wish)
  })
  // Said when it is committed, and not before: whoever reads "has more" does not look again.
  switch (given.kind) {
    case 'nobody':
      complain(`Nobody with the id ${person} has written to this bot, so nothing was given.`)
      return 1
    case 'given':
      print(
        `${person} has ${priceOf(gift)} more, as ${given.idempotencyKey} (cid ${cid}). See it: trt people show ${person}`,
      )
      return 0
    case 'given_before':
      print(
        `${person} was given ${wordsOf(given.before)} under this key, and nothing again. See trt people show ${person}`,
      )
      return 0
    case 'key_is_taken':
      complain(
        `The key ${key} is of another gift: ${given.by.person} was given ${wordsOf(given.by)}. Nothing was given.`,
      )
      complain('If this is a gift of its own, type it with another key.')
      return 1
    default:
      return unreachable(given, 'credit')
  }
}

const wordsOf = ({ unit, amount, why, at }: Given): string => {
  const sum = unit === 'RUB' ? { unit, kopecks: kopecks(amount) } : { unit, count: generations(amount) }
  return `${priceOf(sum)} (${why}) at ${timeOf(at)}`
}

async function ledgerOn(sql: Sql, freeDaily: number) {
  return createPostgresLedger(sql, { bot: await botOfSchema(sql), freeDaily: () => freeDaily })
}

function refuse({ complain }: CommandContext, sentence: string): 1 {
  complain(sentence)
  return 1
}

const timeOf = (at: number): string => new Date(at).toISOString()
