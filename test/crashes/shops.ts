import type { TestContext } from 'node:test'
import type { Env } from './channel.ts'
import type { Life } from './life.ts'
import { openShop, type Shop } from './shop.ts'

/**
 * Shops that are used again and again, each by one test at a time: what a test leaves behind must not hinder the next.
 * One in which a test failed is closed, and its logs are told with the failure.
 */
export function createShops(t: TestContext, env: Env = {}) {
  const open = new Set<Shop>()
  const free: Shop[] = []
  t.after(() => Promise.all([...open].map((shop) => shop.end())))

  async function fresh(): Promise<Shop> {
    const shop = await openShop(env)
    open.add(shop)
    return shop
  }

  async function use<T>(shop: Shop, work: (shop: Shop) => Promise<T>): Promise<T> {
    try {
      return await work(shop)
    } catch (cause) {
      open.delete(shop)
      await shop.end()
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`${why}\n${shop.lives.slice(-2).map(tailOf).join('\n')}`, { cause })
    }
  }

  return {
    /** In a shop that others have used before. */
    async inShop<T>(work: (shop: Shop) => Promise<T>): Promise<T> {
      const shop = free.pop() ?? (await fresh())
      const worked = await use(shop, work)
      free.push(shop)
      return worked
    },
    /** In a shop whose database is empty. */
    async inNewShop<T>(work: (shop: Shop) => Promise<T>): Promise<T> {
      const shop = await fresh()
      const worked = await use(shop, work)
      open.delete(shop)
      await shop.end()
      return worked
    },
  }
}

const tailLines = 50
const tailOf = (life: Life) => `-------- one of the last lives\n${life.lines.slice(-tailLines).join('\n')}`
