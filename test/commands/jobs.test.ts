import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { until } from '../fixtures/person.ts'
import { openShop, type Running, type Shop, trt } from './shop.ts'

/** An operator looks at background jobs, and decides about those that were shelved. */
let shop: Shop
let running: Running
before(async () => {
  shop = await openShop()
  running = await shop.start()
})
after(async () => {
  await running.stop()
  await shop.end()
})

const jobs = (...words: string[]) => trt(['jobs', ...words], shop.env)
const payload = { version: 1, errand: { kind: 'tell_operator', what: 'Проба', to: 1 }, cid: '0badc0de', failures: 12 }
const shelve = (id: number, what: object = payload) =>
  shop.sql(
    `insert into shelved_jobs (id, kind, payload, cid, reason, attempts)
     values (${id}, 'tell_operator', '${JSON.stringify(what)}', '0badc0de', 'a bug of ours', 12)`,
  )

describe('jobs', () => {
  it('list says that there is nothing to do, or what was shelved and what to do next', async () => {
    assert.match((await jobs('list')).out, /waiting\. Nothing to do\.\n$/)
    await shelve(900_001)
    const { code, out } = await jobs('list')
    assert.equal(code, 0)
    assert.match(
      out,
      /^900001 {2}shelved {2}tell_operator {2}cid=0badc0de {2}attempts=12 {2}since 20.*Z {2}reason="a bug of ours"$/m,
    )
    assert.match(out, /1 shelved: trt jobs show 900001, then trt jobs retry 900001\.\n$/)
    const json = JSON.parse((await jobs('list', '--json')).out) as { shelved: { id: number; reason: string }[] }
    assert.deepEqual(
      json.shelved.map(({ id, reason }) => [id, reason]),
      [[900_001, 'a bug of ours']],
    )
    assert.match(
      (await trt(['story', '0badc0de'], shop.env)).out,
      /tell_operator SHELVED job=900001 error=a bug of ours/,
    )
  })

  it('show tells all that is known of a job, with the payload', async () => {
    const { code, out } = await jobs('show', '900001')
    assert.equal(code, 0)
    assert.match(out, /^state {5}shelved$/m)
    assert.match(out, /^payload {3}\{.*"what":"Проба".*\}$/m)
    assert.match(out, /trt jobs retry 900001, or trt jobs drop 900001\.\n$/)
    const json = JSON.parse((await jobs('show', '900001', '--json')).out) as { attempts: number }
    assert.equal(json.attempts, 12)
  })

  it('retry has it executed again, as if it were new, and it is not shelved any more', async () => {
    const { code, out } = await jobs('retry', '900001')
    assert.equal(code, 0)
    assert.match(out, /tell_operator is executed again now; follow it in the log by cid=0badc0de\.\n$/)
    await until(
      () => running.lines().some((line) => /OPERATOR_(NOT_TOLD|OUT_OF_REACH).*cid=0badc0de/.test(line)),
      'it was executed',
    )
    const { err, code: second } = await jobs('retry', '900001')
    assert.deepEqual([second, err], [1, 'There is no shelved job 900001. See trt jobs list.\n'])
  })

  it('retry leaves one of a version that it does not know where it is', async () => {
    await shelve(900_002, { version: 9 })
    const { code, err } = await jobs('retry', '900002')
    assert.equal(code, 1)
    assert.match(err, /of another version of the program and stays shelved/)
    assert.match((await jobs('list')).out, /^900002 {2}shelved/m)
  })

  it('drop says what was dropped', async () => {
    const { code, out } = await jobs('drop', '900002')
    assert.equal(code, 0)
    assert.equal(
      out,
      'Dropped: tell_operator {"version":9}\nWhat it was to do will not be done. Its story: trt story 0badc0de\n',
    )
    assert.equal((await jobs('drop', '900002')).code, 1)
  })

  it('refuses what it does not understand', async () => {
    for (const words of [
      [],
      ['lst'],
      ['list', '5'],
      ['show'],
      ['show', 'x'],
      ['show', '1', '2'],
      ['retry'],
      ['retry', '-1'],
      ['drop', '1', '--json'],
      ['list', '--jsn'],
    ]) {
      const { code, out } = await jobs(...words)
      assert.deepEqual([code, out], [1, ''], words.join(' '))
    }
    assert.match((await jobs('show', '1')).err, /There is no job 1\./)
  })
})
