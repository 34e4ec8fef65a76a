import type { Config } from '../config/config.ts'
import { joinKeeper, joinSandbox } from '../keeper/keeper.ts'
import { botId } from '../kit/ids.ts'
import type { RunningWorld } from '../service/deps.ts'
import type { CommandContext } from './command.ts'

/**
 * Everything the service and its commands need of the outside: where the database, Telegram and KIE are, and with what
 * they open. In the sandbox both are made up, and database and sandbox belong to the keeper, which is joined.
 */
export type Surroundings = {
  readonly databaseUrl: string
  /** The folder of the embedded database; absent when DATABASE_URL names another. */
  readonly place?: string
  readonly world: RunningWorld
  readonly botToken: string
  readonly kieKey: string
  readonly telegramApiRoot: string
  readonly kieApiUrl: string
  readonly kieUploadUrl: string
  readonly sandboxUrl?: string
  readonly release: () => Promise<void>
}

// Made up, and good for nothing but the sandbox of this machine.
const sandboxToken = '7000001:sandbox-token-that-opens-nothing-at-all'
const sandboxKey = 'sandbox-key-that-pays-for-nothing'

const botOf = (token: string) => botId(Number(token.split(':')[0]))

/** `pages`: the web chat is wanted too. Throws a `KeeperFault` when the embedded database cannot be had. */
export async function surround(
  { clock, signal, print }: Pick<CommandContext, 'clock' | 'signal' | 'print'>,
  { world, storage, dataDir }: Config,
  { pages }: { readonly pages: boolean },
): Promise<Surroundings> {
  const keeper = { dataDir, clock, signal, progress: print }
  if (world.kind === 'live') {
    const { botToken, kieKey, telegramApiRoot, kieApiUrl, kieUploadUrl, publicUrl } = world
    const embedded = storage.engine === 'embedded' ? await joinKeeper(keeper) : undefined
    return {
      databaseUrl: storage.engine === 'postgres' ? storage.url : (embedded?.databaseUrl ?? ''),
      ...(embedded === undefined ? {} : { place: embedded.place }),
      world: { kind: 'live', bot: botOf(botToken), publicUrl: () => publicUrl },
      botToken,
      kieKey,
      telegramApiRoot,
      kieApiUrl,
      kieUploadUrl,
      release: async () => embedded?.release(),
    }
  }
  const wish = { ...keeper, sandbox: { port: world.sandboxPort }, pages }
  const joined =
    storage.engine === 'postgres' ? { ...(await joinSandbox(wish)), databaseUrl: storage.url } : await joinKeeper(wish)
  const { databaseUrl, sandboxUrl = '' } = joined
  const realKie = world.realKieKey
  if (realKie !== undefined) print('KIE_API_KEY is real: pictures cost real credits.')
  return {
    databaseUrl,
    ...('place' in joined ? { place: joined.place } : {}),
    sandboxUrl,
    world: {
      kind: 'sandbox',
      bot: botOf(sandboxToken),
      publicUrl: (port) => `http://127.0.0.1:${port}`,
    },
    botToken: sandboxToken,
    kieKey: realKie ?? sandboxKey,
    telegramApiRoot: `${sandboxUrl}/telegram`,
    kieApiUrl: realKie === undefined ? `${sandboxUrl}/kie` : 'https://api.kie.ai',
    kieUploadUrl: realKie === undefined ? `${sandboxUrl}/kie-upload` : 'https://kieai.redpandaai.co',
    release: joined.release,
  }
}
