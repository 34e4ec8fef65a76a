import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** An operator looks at what brought no revenue. */
let shop: Shop
let running: Running
before(async () => {
  shop = await openShop({ SHOP_TIMEZONE: 'Asia/Tokyo' })
  running = await shop.start()
})
after(async () => {
  await running.stop()
  await shop.end()
})

const losses = (...words: string[]) => trt(['losses', ...words], shop.env)
type Row = {
  cause: string
  at: string
  cid: string
  order?: string
  result?: number
  credits?: string
  kopecks?: number
}
const lose = ({ cause, at, cid, order, result, credits, kopecks }: Row, detail: string) =>
  shop.sql(
    `insert into losses (bot, cause, at, cid, order_id, result, credits, kopecks, detail)
     values ((select bot from world), $1, $2, $3, $4, $5, $6, $7, $8)`,
    [cause, Date.parse(at), cid, order ?? null, result ?? null, credits ?? null, kopecks ?? null, detail],
  )

describe('losses', () => {
  it('says that there is nothing to do on a day without any', async () => {
    const { code, out } = await losses()
    assert.equal(code, 0)
    assert.match(out, /^No losses on 20\d\d-\d\d-\d\d \(Asia\/Tokyo\)\. Nothing to do\.\n$/)
  })

  it('shows a day of the shop by cause, with the amounts, the first story and what was said last', async () => {
    const lost = { cause: 'task_failed', kopecks: 250 }
    await lose({ ...lost, at: '2026-03-01T15:00:00Z', cid: '0000000a', order: 'a', credits: '12.50' }, 'KIE: 500 first')
    await lose({ ...lost, at: '2026-03-02T14:59:59.999Z', cid: '0000000b', order: 'b' }, 'KIE: 501 "last"')
    await lose({ ...lost, at: '2026-03-01T14:59:59.999Z', cid: '0000000c', order: 'c' }, 'of the day before')
    await lose({ ...lost, at: '2026-03-02T15:00:00Z', cid: '0000000d', order: 'd' }, 'of the day after')
    await lose({ cause: 'message_refused', at: '2026-03-02T00:00:00Z', cid: '0000000e' }, 'sendInvoice: Bad Request')
    const { code, out } = await losses('--day', '2026-03-02')
    assert.equal(code, 0)
    assert.deepEqual(out.split('\n'), [
      'task_failed  2  credits=12.5 (of 1 nobody knows)  5.00 RUB  first cid=0000000a  last: "KIE: 501 \\"last\\""',
      'message_refused  1  credits=?  0.00 RUB  first cid=0000000e  last: "sendInvoice: Bad Request"',
      '3 losses on 2026-03-02 (Asia/Tokyo). Look at them: trt losses --day 2026-03-02 --cause task_failed',
      '',
    ])
    const json = JSON.parse((await losses('--day', '2026-03-02', '--json')).out)
    assert.deepEqual(json.causes[0], {
      cause: 'task_failed',
      count: 2,
      credits: '12.5',
      unknownCredits: 1,
      kopecks: 500,
      firstCid: '0000000a',
      lastDetail: 'KIE: 501 "last"',
    })
  })

  it('shows the single ones of a cause, what to do about it, and which were found later', async () => {
    const at = '2026-04-02T03:00:00Z'
    const body = { version: 2, order: { status: 'completed', artifacts: [{ state: 'lost' }, { state: 'sent' }] } }
    await shop.sql(
      `insert into orders (id, person, status, offer, quote, cid, body, placed_at, updated_at)
       values ('abcdefghjkmn', 1, 'completed', 'x', 'q', '0000000f', $1, 1, 1)`,
      [JSON.stringify(body)],
    )
    const gone = { cause: 'result_gone', at, cid: '0000000f', order: 'abcdefghjkmn', kopecks: 100, credits: '2' }
    await lose({ ...gone, result: 1 }, 'https://files.kie.test answered HTTP 404')
    await lose({ ...gone, result: 2 }, 'https://files.kie.test answered HTTP 410')
    const { code, out } = await losses('--day', '2026-04-02', '--cause', 'result_gone')
    assert.equal(code, 0)
    const start = '2026-04-02T03:00:00.000Z  cid=0000000f  order=abcdefghjkmn'
    const [first, second, next] = out.split('\n')
    assert.equal(first, `${start}  result=1  credits=2  1.00 RUB  "https://files.kie.test answered HTTP 404"`)
    assert.equal(
      second,
      `${start}  result=2  credits=2  1.00 RUB  found later  "https://files.kie.test answered HTTP 410"`,
    )
    assert.match(next ?? '', /^Check whether the host .*\. The first: trt story 0000000f$/)
    const json = JSON.parse((await losses('--json', '--day', '2026-04-02', '--cause', 'result_gone')).out)
    assert.deepEqual(
      json.losses.map(({ result, foundLater }: { result: number; foundLater: boolean }) => [result, foundLater]),
      [
        [1, false],
        [2, true],
      ],
    )
    assert.match(
      (await trt(['story', '0000000f'], shop.env)).out,
      /loss {4}result_gone order=abcdefghjkmn result=2 credits=2 kopecks=100 said=https:\/\/files\.kie\.test answered HTTP 410$/m,
    )
  })

  it('refuses what it does not understand, and shows nothing then', async () => {
    for (const words of [
      ['--day', '2026-02-31'],
      ['--day', 'yesterday'],
      ['--day', '2026-3-1'],
      ['--cause', 'bad_luck'],
      ['--cause', 'toString'],
      ['list'],
      ['--all'],
    ]) {
      const { code, out, err } = await losses(...words)
      assert.deepEqual([code, out], [1, ''], words.join(' '))
      assert.match(err, /\S/)
    }
  })
})
