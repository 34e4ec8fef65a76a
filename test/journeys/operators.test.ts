import assert from 'node:assert/strict'
import { after, describe, it, type TestContext } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { type Person, until } from '../fixtures/person.ts'
import { startWorld, type World } from '../fixtures/service.ts'

/** An operator who has blocked the bot, or never pressed Start: their alerts wait, and the log says so once. */
const expects = ['MESSAGE_REFUSED', 'UI_NOT_SHOWN', 'OPERATOR_OUT_OF_REACH', 'PREFLIGHT_FINDING'] as const
const outOfReach = ({ log }: World, operator: number) =>
  log.count('OPERATOR_OUT_OF_REACH', (fields) => fields['operator'] === operator)

/** Telegram refuses a screen, which is an alert of its own kind. */
async function causesAlert({ controls, log }: World, person: Person, kind: string): Promise<void> {
  await controls.fault({ on: 'telegram', method: 'sendMessage', status: 400, description: `Bad Request: KIND_${kind}` })
  await person.says('/help')
  await log.until('OPERATOR_TOLD', ({ what }) => String(what).includes(`KIND_${kind}`))
}

async function unheard({ databaseUrl, schema }: World): Promise<readonly { operator: string; says: string }[]> {
  const client = await connectOnce({ url: databaseUrl, schema, owner: 'test' })
  try {
    return (await client.query('select operator, says from unheard_alerts order by id')).rows
  } finally {
    await client.end()
  }
}
const untilUnheard = (world: World, count: number) =>
  until(async () => (await unheard(world)).length === count, `${count} alerts wait`)

describe('the only operator', () => {
  it('who never pressed Start is named at the start, and reads what was kept when they do', async (t: TestContext) => {
    const world = await startWorld({ env: { ADMIN_ID: '7000000002' }, expects })
    t.after(() => world.end())
    const { log } = world
    const finding = await log.until('PREFLIGHT_FINDING', ({ check }) => check === 'operator.7000000002')
    assert.match(String(finding['problem']), /operator 7000000002 cannot be told anything .*chat not found/)
    assert.match(String(finding['todo']), /press Start.*ADMIN_ID/)
    const anna = await world.person('Анна')
    await causesAlert(world, anna, 'A')
    await untilUnheard(world, 1)
    await causesAlert(world, anna, 'B')
    await untilUnheard(world, 2)
    assert.equal(outOfReach(world, 7000000002), 1, 'once, not for each alert')
    assert.equal(log.count('OPERATOR_NOT_TOLD'), 0)

    const olga = await world.person('Ольга')
    assert.equal(olga.id, 7000000002)
    await olga.says('/start')
    await olga.sees(/KIND_A/)
    await olga.sees(/KIND_B/)
    assert.deepEqual(await unheard(world), [])
    await causesAlert(world, anna, 'C')
    await olga.sees(/KIND_C/)
  })

  it('whom Telegram knows, and who never pressed Start, is named and told later in the same way', async (t) => {
    const world = await startWorld({ env: { ADMIN_ID: '7000000001' }, expects })
    t.after(() => world.end())
    const olga = await world.person('Ольга', { started: false })
    const anna = await world.person('Анна')
    await causesAlert(world, anna, 'A')
    const { error } = await world.log.until('OPERATOR_OUT_OF_REACH')
    assert.match(String(error), /403: Forbidden: bot can't initiate conversation with a user/)
    await untilUnheard(world, 1)
    await olga.says('/start')
    await olga.sees(/KIND_A/)
  })

  it('who blocked the bot reads what was kept when they unblock it, and is named again the next time', async (t) => {
    const world = await startWorld({ env: { ADMIN_ID: '7000000001' }, expects })
    t.after(() => world.end())
    const [olga, anna] = [await world.person('Ольга'), await world.person('Анна')]
    await olga.says('/start')
    await olga.sees(/Привет/)
    await olga.blocks()
    await causesAlert(world, anna, 'A')
    await untilUnheard(world, 1)
    assert.equal(outOfReach(world, 7000000001), 1)
    await olga.unblocks()
    await olga.sees(/KIND_A/)
    await untilUnheard(world, 0)
    await olga.blocks()
    await causesAlert(world, anna, 'B')
    await untilUnheard(world, 1)
    assert.equal(outOfReach(world, 7000000001), 2)
  })
})

describe('one operator of two', () => {
  let world: World
  after(() => world.end())

  it('who cannot be reached is told nothing later: the other one has heard it', async () => {
    world = await startWorld({ env: { ADMIN_IDS: '7000000001,7000000009' }, expects })
    const [olga, anna] = [await world.person('Ольга'), await world.person('Анна')]
    await olga.says('/start')
    await olga.sees(/Привет/)
    await causesAlert(world, anna, 'A')
    await olga.sees(/KIND_A/)
    await until(() => outOfReach(world, 7000000009) === 1, 'the other one cannot be reached')
    await causesAlert(world, anna, 'B')
    await olga.sees(/KIND_B/)
    assert.deepEqual(await unheard(world), [])
    assert.equal(outOfReach(world, 7000000001), 0)
  })
})
