import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patience } from '../fixtures/patience.ts'
import { startWorld, type World } from '../fixtures/service.ts'

test('an update that cannot be handled is set aside: the person is told with its code, and their lane goes on', async () => {
  // What breaks is a fault of ours, in every step that draws the help screen.
  let isBroken = true
  const world: World = await startWorld({
    expects: ['DISPATCH_FAIL', 'EXCEPTION_CAUGHT', 'UPDATE_SHELVED', 'OPERATOR_TOLD'],
    wrapPorts: (ports) => ({
      ...ports,
      store: {
        ...ports.store,
        transact: (permit, work) =>
          ports.store.transact(permit, (tx) =>
            work({
              ...tx,
              sessions: {
                ...tx.sessions,
                save: (kept, at) => {
                  if (isBroken && kept.view?.screen === 'help') throw new Error('the help is broken')
                  return tx.sessions.save(kept, at)
                },
              },
            }),
          ),
      },
    }),
  })
  try {
    const { log } = world
    const anna = await world.person('Анна')
    await anna.says('/help')
    await anna.says('/balance')
    const trouble = await anna.sees(/Что-то пошло не так[\s\S]*Деньги не потерялись/, { withinMs: patience(40_000) })
    const { cid, attempts } = await log.until('UPDATE_SHELVED')
    assert.equal(attempts, 5)
    assert.ok(trouble.text?.includes(`Код: ${String(cid)}`))
    await anna.sees(/^Баланс/)
    isBroken = false
    await anna.says('/help')
    await anna.sees(/Как это работает/)
  } finally {
    await world.end()
  }
})
