import { redisLockTimes } from '../src/leadership/redis-lock.ts'
import { median } from './parts/figures.ts'
import { atPace, openSender } from './parts/load.ts'
import { startRedis } from './parts/redis.ts'
import { drained, type Server, setStage, startInstance } from './parts/stage.ts'
import { type Line, limited, printTable, seconds } from './parts/table.ts'
import { startTelegram } from './parts/telegram.ts'
import { textMessage } from './parts/updates.ts'

/**
 * How long nobody works when the leader is killed: from SIGKILL of the ACTIVE instance, under a hundred updates a
 * second, to the first update that the other one has handled. Updates come to the one that stands by, which stores them
 * all the while. With PostgreSQL as the authority, and with a real Redis where `redis-server` is installed.
 *
 *   node bench/takeover.ts [times]
 */
const [times = 20] = process.argv.slice(2).map(Number)
const perSecond = 100
const people = 200
/** So long the load runs before the kill. */
const beforeS = 1

const telegram = await startTelegram()
const stage = await setStage()
const redis = await startRedis(stage.folder)

const tookS = await measure('postgres', {}, 8)
const lines: Line[] = [
  { figure: 'PostgreSQL, p50', ours: seconds(median(tookS)) },
  limited('PostgreSQL, longest', Math.max(...tookS), 1, seconds),
]
if (redis === undefined) {
  console.log('  Redis is not measured: redis-server is not installed (apt-get install redis-server)')
} else {
  const leaseS = redisLockTimes.leaseMs / 1000
  const byRedisS = await measure('redis', { LOCK_BACKEND: 'redis', REDIS_URL: redis.url }, leaseS + 8)
  lines.push({ figure: 'Redis, p50', ours: seconds(median(byRedisS)) })
  lines.push(limited(`Redis, longest (its key lives ${leaseS} s)`, Math.max(...byRedisS), 3, seconds))
}
printTable(`SIGKILL of the leader to the first update handled (${times} times, ${perSecond} updates/s)`, lines)

await redis?.stop()
await telegram.close()
await stage.end()

async function measure(backend: string, env: Record<string, string>, patienceS: number): Promise<readonly number[]> {
  const took: number[] = []
  const start = (name: string, until: RegExp) => startInstance(stage, telegram.url, { name, until, env })
  let leader = await start(`${backend}-0`, /DUTIES_STARTED/)
  let standby = await start(`${backend}-1`, /PASSIVE_ENTER/)
  for (let round = 1; round <= times; round++) {
    took.push(await kill(leader, standby, patienceS))
    console.log(`  ${backend} ${round}: ${seconds(took.at(-1) ?? 0)}`)
    await drained(stage)
    leader = standby
    standby = await start(`${backend}-${round + 1}`, /PASSIVE_ENTER/)
  }
  await leader.child.stop()
  await standby.child.stop()
  return took
}

/** The load goes on until the heir has handled something. */
async function kill(leader: Server, heir: Server, patienceS: number): Promise<number> {
  const sender = await openSender(heir.target, 40)
  const over = new AbortController()
  let refused = 0
  const load = atPace(
    perSecond,
    beforeS + patienceS,
    (index) =>
      sender.send(textMessage(10_000 + (index % people), '/start'), (_, status) => {
        if (status !== 200) refused += 1
      }),
    over.signal,
  )
  await new Promise((resolve) => setTimeout(resolve, beforeS * 1_000))
  leader.child.kill()
  const killedAt = performance.now()
  await heir.child.said(/DISPATCH_OK/)
  const tookS = (performance.now() - killedAt) / 1_000
  over.abort()
  await load
  await sender.settled()
  sender.close()
  if (refused > 0) throw new Error(`${refused} updates were not acknowledged`)
  return tookS
}
