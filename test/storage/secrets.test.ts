import assert from 'node:assert/strict'
import { it } from 'node:test'
import { newSecret } from '../../src/kit/ids.ts'
import { keptSecret } from '../../src/storage/postgres/secrets.ts'
import { openStorage } from '../fixtures/storage.ts'

it('path and token of the webhook are made at random, once for each bot: whoever starts beside reads the same', async () => {
  const [one, other] = [await openStorage(), await openStorage()]
  const made = await Promise.all(
    Array.from({ length: 5 }, () => keptSecret(one.database.work, 'webhook_path', newSecret)),
  )
  assert.equal(new Set(made).size, 1)
  const token = await keptSecret(one.database.work, 'webhook_token', newSecret)
  const ofAnother = await keptSecret(other.database.work, 'webhook_path', newSecret)
  assert.equal(new Set([made[0], token, ofAnother]).size, 3)
  // 32 bytes: nobody guesses one, and nothing of a bot's token is in it.
  for (const each of [made[0] ?? '', token, ofAnother]) assert.match(each, /^[A-Za-z0-9_-]{43}$/)
  assert.equal(await keptSecret(one.database.work, 'webhook_path', newSecret), made[0], 'also at the next start')
})
