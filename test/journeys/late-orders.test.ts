import { after, it } from 'node:test'
import { connectOnce } from '../../src/storage/postgres/database.ts'
import { startWorld } from '../fixtures/service.ts'
import { ofOrder, ordersIn } from './orders.ts'

/** A delivery that is broken, and not by the world: whatever it does, it throws. */
let isBroken = true
const world = await startWorld({
  wrapPorts: (ports) => ({
    ...ports,
    chat: {
      ...ports.chat,
      sendFile: async (...sent) => {
        if (isBroken) throw new Error('nobody thought of this file')
        return await ports.chat.sendFile(...sent)
      },
    },
  }),
  expects: ['ERRAND_FAILED', 'EXCEPTION_CAUGHT', 'ORDER_DEADLINE_PASSED', 'WEBHOOK_SET_RETRY'],
})
after(() => world.end())
const { places, isGivenBack } = ordersIn(world)
const dayMs = 24 * 3_600_000

/** The result of this order was made so much longer ago. */
async function grows(order: string, ms: number): Promise<void> {
  const client = await connectOnce({ url: world.databaseUrl, schema: world.schema, owner: 'test' })
  try {
    await client.query(
      `update orders set updated_at = updated_at - $2::bigint,
              body = jsonb_set(body, '{order,producedAt}', to_jsonb((body #>> '{order,producedAt}')::bigint - $2::bigint))
        where id = $1`,
      [order, ms],
    )
  } finally {
    await client.end()
  }
}

it('an order whose delivery always breaks is given back at its deadline, and comes as a gift when it is repaired', async () => {
  const placed = await places('сломанная доставка')
  await world.log.until('ERRAND_FAILED', ({ kind }) => kind === 'deliver')
  await world.stopService()
  await grows(placed.order, 8 * dayMs)
  await world.startService()
  await world.log.until('ORDER_DEADLINE_PASSED', ofOrder(placed.order))
  await world.log.until('ORDER_RELEASED', ofOrder(placed.order))
  await world.log.until('OPERATOR_TOLD', ({ what }) => String(what).includes(placed.order))
  await isGivenBack(placed, /прислать её не удалось/)
  isBroken = false
  await world.restartService()
  await placed.person.getsPhoto()
})
