import type { Stage } from './stage.ts'
import { botToken } from './telegram.ts'
import { editedMessage } from './updates.ts'

/**
 * Rows that a shop has after a while, written by the database itself: what came in over months would take hours to send.
 */
const bot = Number(botToken.split(':')[0])
const aPerson = 1_000_000_000

/** An update for the row `n`, which is of the person `firstPerson + n % people`. Its id is one that the load never uses. */
function bodyOf(people: number, firstPerson: number): string {
  const body = editedMessage(aPerson)
    .replace(/"update_id":\d+/, '"update_id":<id>')
    .replaceAll(String(aPerson), '<person>')
  return `replace(replace('${body}', '<id>', (n)::text), '<person>', (${firstPerson} + n % ${people})::text)`
}

const inboxRows = (first: number, count: number, people: number, firstPerson: number, finished: string): string => `
  insert into main.inbox (bot, update_id, lane, kind, cid, body, received_at, finished_at)
  select ${bot}, n, 'p:' || (${firstPerson} + n % ${people}), 'edited_message', 'bench' || n,
         ${bodyOf(people, firstPerson)}, ${now}, ${finished}
    from generate_series(${first}, ${first + count - 1}) n`
const now = '(extract(epoch from clock_timestamp()) * 1000)::bigint'

let lastUpdate = 0

/** Updates that wait to be handled. */
export async function letWait(stage: Stage, count: number, people: number, firstPerson: number): Promise<void> {
  await stage.ask(inboxRows(lastUpdate + 1, count, people, firstPerson, 'null'))
  lastUpdate += count
}

/** Takes away what waits and was not begun. */
export const forgetWaiting = (stage: Stage): Promise<unknown> =>
  stage.ask('delete from main.inbox where finished_at is null and claimed_by is null')

/** Updates that were handled within the last day, as old ones are removed after a week. */
export async function addFinished(stage: Stage, count: number, people: number, firstPerson: number): Promise<void> {
  await stage.ask(inboxRows(lastUpdate + 1, count, people, firstPerson, `${now} - n % 86400000`))
  lastUpdate += count
}

/** Updates that waited and were handled since: the indexes of what waits hold them until they are vacuumed. */
export async function addWaitedAndFinished(
  stage: Stage,
  count: number,
  people: number,
  firstPerson: number,
): Promise<void> {
  const first = lastUpdate + 1
  await stage.ask(`
    begin;
    ${inboxRows(first, count, people, firstPerson, 'null')};
    update main.inbox set finished_at = ${now} where bot = ${bot} and update_id between ${first} and ${first + count - 1};
    commit`)
  lastUpdate += count
}

/** Orders that were completed, twenty of each person. */
export async function addOrders(stage: Stage, count: number, firstPerson: number): Promise<void> {
  await stage.ask(`
    insert into main.orders (id, person, status, offer, quote, cid, task, took_ms, body, placed_at, updated_at)
    select 'bench-order-' || n, person, 'completed', 'z-image', 'bench-quote-' || n, 'bench' || n, 'bench-task-' || n, 20000,
           jsonb_build_object('version', 2, 'order', jsonb_build_object(
             'status', 'completed', 'id', 'bench-order-' || n, 'person', person, 'chat', person, 'cid', 'bench' || n,
             'offer', 'z-image', 'model', 'z-image',
             'values', jsonb_build_object('prompt', 'A fox in a snowy forest, morning light', 'aspect_ratio', '1:1'),
             'price', jsonb_build_object('unit', 'RUB', 'kopecks', 500), 'day', '2026-01-01', 'placedAt', at,
             'task', 'bench-task-' || n, 'submittedAt', at + 1000, 'producedAt', at + 20000, 'completedAt', at + 21000,
             'artifacts', jsonb_build_array(jsonb_build_object('url', 'https://bench.invalid/' || n || '.png',
               'state', 'sent', 'file', 'bench-file-' || n, 'as', 'photo', 'message', n)),
             'receipt', jsonb_build_object('message', n + 1, 'sent', 1, 'isFinal', true))),
           at, at + 21000
      from (select n, ${firstPerson} + n / 20 as person, ${now} - n as at from generate_series(0, ${count - 1}) n) o`)
}
