import assert from 'node:assert/strict'
import { after, afterEach, describe, it, type TestContext } from 'node:test'
import { createSandbox } from '../../sandbox/sandbox.ts'
import { compileCatalog } from '../../src/catalog/compile-catalog.ts'
import { createCreditsWatch } from '../../src/generation/credits-watch.ts'
import { createKieClient } from '../../src/kie/client.ts'
import { createClock } from '../../src/kit/clock.ts'
import { readOfferFiles } from '../../src/storage/catalog-files.ts'
import { createTestClock } from '../fixtures/clock.ts'
import { serve, serveJson, serveText } from '../fixtures/loopback.ts'
import { onThisMachine, patience } from '../fixtures/patience.ts'
import { until } from '../fixtures/person.ts'
import { controlsOf } from '../fixtures/sandbox.ts'
import { createTelling } from '../fixtures/telling.ts'

/** The credits at KIE, asked of the sandbox by the real client, for the catalog that is sold; the test moves the clock. */
const sandbox = await createSandbox({ port: 0, seed: 'credits', floodLimits: false })
after(() => sandbox.close())
const controls = controlsOf(sandbox.url)
afterEach(() => controls.clearFaults())
const compiled = compileCatalog(await readOfferFiles())
assert.ok(compiled.ok)
const { catalog } = compiled
const creditsLow = 500

/** `url` is where KIE is; the sandbox unless a test has another one. */
async function open({
  url = sandbox.url,
  credits = 1_000,
  callMs = onThisMachine(300),
}: {
  readonly url?: string
  readonly credits?: number
  readonly callMs?: number
} = {}) {
  await controls.setCredits(credits)
  const clock = createTestClock()
  const telling = createTelling(clock)
  const lead = { isOurs: true }
  const kie = createKieClient({
    apiUrl: `${url}/kie`,
    uploadUrl: `${url}/kie-upload`,
    key: 'a-key-of-the-tests',
    // Calls are real and take real time.
    clock: createClock(),
    limits: { submitMs: callMs, readMs: callMs, uploadMs: callMs },
  })
  const watch = createCreditsWatch({
    kie,
    catalog,
    creditsLow,
    works: () => lead.isOurs,
    clock,
    telemetry: telling.telemetry,
  })
  return { ...watch, ...telling, clock, lead }
}
type Watch = Awaited<ReturnType<typeof open>>

/** Runs as the duty does, until the test ends; `rests` waits until it sleeps again, and gives for how long. */
function run(t: TestContext, { watch, clock }: Watch) {
  const over = new AbortController()
  const running = watch(over.signal)
  const end = async () => {
    over.abort()
    await running
  }
  t.after(end)
  return {
    end,
    async rests() {
      await until(() => clock.sleepers().length > 0, 'the watch rests')
      return clock.sleepers()[0]
    },
  }
}

const aTask = { model: 'z-image', input: { prompt: 'a cat', aspect_ratio: '1:1' } }

describe('credits at KIE', () => {
  it('that run low are told once, however often they are read, and once more after a top-up was used up', async () => {
    const watch = await open({ credits: creditsLow })
    await watch.refresh()
    assert.deepEqual(watch.fieldsOf('KIE_CREDITS_LOW'), [], 'not at the level itself')
    for (const credits of [499.5, 300, 120]) {
      await controls.setCredits(credits)
      await watch.refresh()
    }
    assert.deepEqual(watch.fieldsOf('KIE_CREDITS_LOW'), [{ credits: '499.5', level: creditsLow }])
    await controls.setCredits(5_000)
    await watch.refresh()
    await controls.setCredits(400)
    await watch.refresh()
    assert.equal(watch.fieldsOf('KIE_CREDITS_LOW').length, 2)
    assert.equal(watch.isPaused(), false, 'low is not empty')
  })

  it('pause the offers before they run out: with fewer than the cheapest costs nothing is sold', async () => {
    const watch = await open({ credits: 0.5 })
    await watch.refresh()
    assert.equal(watch.isPaused(), true)
    assert.deepEqual(watch.figures(), { credits: '0.5', paused: { why: 'no_credits', since: watch.clock.now() } })
    await watch.refresh()
    assert.deepEqual(watch.fieldsOf('SELLING_PAUSED'), [{ why: 'no_credits', credits: '0.5' }], 'told once')
  })

  it('pause the offers when the account owes KIE', async () => {
    const watch = await open({ credits: 700 })
    await controls.setCredits(-12.5)
    await watch.refresh()
    assert.deepEqual([watch.isPaused(), watch.figures().credits], [true, '0'])
  })

  it('that are topped up let selling go on by itself, within twenty seconds', async (t) => {
    const watch = await open({ credits: 0 })
    await watch.refresh()
    const { rests } = run(t, watch)
    assert.equal(await rests(), 20_000)
    await watch.clock.advance(20_000)
    await rests()
    assert.equal(watch.isPaused(), true)
    await controls.setCredits(2_000)
    await watch.clock.advance(20_000)
    assert.equal(await rests(), 180_000)
    assert.deepEqual(watch.figures(), { credits: '2000' })
    assert.deepEqual(watch.events('SELLING_PAUSED', 'SELLING_RESUMED'), ['SELLING_PAUSED', 'SELLING_RESUMED'])
  })

  it('are asked for by the leader every three minutes, and by a standby only while it sells nothing', async (t) => {
    const watch = await open()
    const { rests } = run(t, watch)
    await rests()
    await watch.clock.advance(180_000)
    await rests()
    assert.equal(watch.figures().credits, '1000')
    watch.lead.isOurs = false
    await controls.setCredits(700)
    await watch.clock.advance(180_000)
    await rests()
    assert.equal(watch.figures().credits, '1000')
  })

  it('are asked for no more when the instance stops, also in the middle of a call', async (t) => {
    const silent = await serve(t, () => {})
    const watch = await open({ url: silent.url, callMs: patience(10_000) })
    const { rests, end } = run(t, watch)
    await rests()
    await watch.clock.advance(180_000)
    await until(() => silent.heard.length === 1, 'KIE is being asked')
    const started = performance.now()
    await end()
    assert.ok(performance.now() - started < patience(5_000))
    assert.deepEqual(watch.clock.sleepers(), [])
  })
})

describe('a balance that is not known', () => {
  const unknowns: readonly (readonly [string, (t: TestContext) => Promise<string>])[] = [
    ['no answer in time', async (t) => (await serve(t, () => {})).url],
    ['a page of HTML', async (t) => (await serveText(t, '<html>Just a moment…</html>')).url],
    ['a server error', async (t) => (await serveText(t, 'Bad Gateway', 502)).url],
    ['an envelope without a number', async (t) => (await serveJson(t, { code: 200, msg: 'ok', data: null })).url],
    ['a number that is none', async (t) => (await serveJson(t, { code: 200, msg: 'ok', data: 'NaN' })).url],
    ['a code that says nothing of us', async (t) => (await serveJson(t, { code: 500, msg: 'try again' })).url],
  ]
  for (const [what, kie] of unknowns) {
    it(`is its own value and pauses nothing: ${what}`, async (t) => {
      const watch = await open({ url: await kie(t) })
      const outcome = await watch.refresh()
      assert.equal(outcome.kind, 'unknown')
      assert.deepEqual(watch.figures(), {}, 'neither zero nor what was last known elsewhere')
      assert.deepEqual(watch.told, [])
    })
  }

  it('neither changes what was known nor lets selling go on', async () => {
    const watch = await open({ credits: 0 })
    await watch.refresh()
    await controls.setCredits(1_000)
    await controls.fault({ on: 'kie', times: 1, status: 500 })
    assert.equal((await watch.refresh()).kind, 'unknown')
    assert.equal(watch.figures().credits, '0')
    assert.equal(watch.isPaused(), true)
    await watch.refresh()
    assert.equal(watch.isPaused(), false)
  })
})

describe('a key that KIE refuses', () => {
  it('pauses the offers with its reason, and they go on when it is taken again', async (t) => {
    let code = 401
    const kie = await serve(t, (_, response) => {
      const body = code === 200 ? { code, msg: 'success', data: 900 } : { code, msg: 'You do not have access' }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    const watch = await open({ url: kie.url })
    await watch.refresh()
    assert.equal(watch.figures().paused?.why, 'key_refused')
    assert.match(String(watch.fieldsOf('SELLING_PAUSED')[0]?.['detail']), /401 You do not have access/)
    code = 200
    await watch.refresh()
    assert.equal(watch.isPaused(), false)
  })
})

describe('calls that are refused for our account’s sake', () => {
  it('make the credits be asked for at once', async (t) => {
    const watch = await open()
    const { rests } = run(t, watch)
    await rests()
    await controls.setCredits(0)
    await watch.kie.submit(aTask)
    await until(() => watch.isPaused(), 'the account says so too')
    assert.equal(watch.figures().credits, '0')
  })

  it('pause the offers when there are three in a row although the credits suffice, for a time that grows', async (t) => {
    const kie = await serve(t, (heard, response) => {
      const isCredit = heard.path.endsWith('/chat/credit')
      const body = isCredit ? { code: 200, msg: 'success', data: 900 } : { code: 402, msg: 'Insufficient credits' }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    const watch = await open({ url: kie.url })
    for (let refusals = 0; refusals < 2; refusals++) await watch.kie.submit(aTask)
    assert.equal(watch.isPaused(), false, 'another model may cost less')
    await watch.kie.submit(aTask)
    assert.equal(watch.figures().paused?.why, 'no_credits')
    await watch.refresh()
    assert.equal(watch.isPaused(), true, 'what the account says counts less than three refusals')
    await watch.clock.advance(20_000)
    await watch.refresh()
    assert.equal(watch.isPaused(), false)
    await watch.kie.submit(aTask)
    await watch.clock.advance(20_000)
    await watch.refresh()
    assert.equal(watch.isPaused(), true, 'the second pause is longer')
    await watch.clock.advance(20_000)
    await watch.refresh()
    assert.equal(watch.isPaused(), false)
  })

  it('are forgotten as soon as KIE takes a task', async () => {
    const watch = await open({ credits: 0 })
    for (let refusals = 0; refusals < 2; refusals++) await watch.kie.submit(aTask)
    await controls.setCredits(1_000)
    assert.equal((await watch.kie.submit(aTask)).kind, 'done')
    await controls.setCredits(0)
    for (let refusals = 0; refusals < 2; refusals++) await watch.kie.submit(aTask)
    assert.equal(watch.isPaused(), false)
  })
})
