import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { KieGateway } from '../../src/generation/kie-gateway.ts'
import { createUploadsGuard } from '../../src/generation/uploads-guard.ts'
import { done, later, never, unknown } from '../../src/kit/outcome.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { createTelling } from '../fixtures/telling.ts'

type Uploaded = Awaited<ReturnType<KieGateway['upload']>>
const url: Uploaded = done({ url: 'https://k.test/1.png' })
const photo = { bytes: new Uint8Array(1), mime: 'image/png', name: 'a.png' }
const unused = () => Promise.reject(new Error('not asked here'))

/** A host of uploads that says what the test wants, by a clock that the test moves. */
function open(t: TestContext) {
  const clock = createTestClock()
  const telling = createTelling(clock)
  const host = { says: url, isThere: true, uploads: 0, probes: 0 }
  const kie: KieGateway = {
    submit: unused,
    look: unused,
    freshLink: unused,
    credits: unused,
    async upload() {
      host.uploads += 1
      return host.says
    },
    async reachUploads() {
      host.probes += 1
      return host.isThere ? done(true) : later('unreachable', 'no connection')
    },
  }
  const guard = createUploadsGuard({ kie, random: () => 0, clock, telemetry: telling.telemetry })
  const over = new AbortController()
  const watching = guard.watch(over.signal)
  t.after(async () => {
    over.abort()
    await watching
  })
  return { ...telling, clock, host, figures: guard.figures, upload: () => guard.kie.upload(photo) }
}

describe('the host of uploads', () => {
  for (const silence of [later('unreachable', 'no connection'), unknown('KIE gave no answer')] as const) {
    it(`that does not answer five times (${silence.kind}) is asked by one probe only, told once, and used when it is back`, async (t) => {
      const { clock, host, figures, upload, fieldsOf } = open(t)
      host.says = silence
      host.isThere = false
      for (let n = 0; n < 5; n++) assert.deepEqual(await upload(), silence)
      assert.equal(figures().away?.why, 'no_answer')
      const held = await upload()
      assert.ok(held.kind === 'not_done' && held.why === 'unreachable' && held.retry.when === 'later')
      await clock.advance(10 * 60_000)
      assert.equal(host.uploads, 5, 'nobody hands a photo over')
      assert.ok(host.probes >= 10 && host.probes <= 20, `${host.probes} probes in ten minutes`)
      host.says = url
      host.isThere = true
      await clock.advance(60_000)
      assert.deepEqual(await upload(), url)
      assert.equal(figures().away, undefined)
      assert.equal(fieldsOf('UPLOADS_AWAY').length, 1)
      assert.equal(fieldsOf('UPLOADS_BACK').length, 1)
    })
  }

  it('is there when it says no, whatever it says no to', async (t) => {
    const { host, figures, upload } = open(t)
    for (const no of [
      never('inputs_refused', '400'),
      never('key_refused', '401'),
      later('maintenance', '455'),
    ] as const) {
      host.says = no
      for (let n = 0; n < 9; n++) assert.deepEqual(await upload(), no)
    }
    assert.equal(figures().away, undefined)
  })
})
