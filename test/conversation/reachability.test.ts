import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { missingField } from '../../src/catalog/values.ts'
import type { Address } from '../../src/conversation/address.ts'
import { decodeAddress, encodeAddress } from '../../src/conversation/address-codec.ts'
import { messageLengthMax, plain } from '../../src/conversation/rich.ts'
import { draw, needsForDrawing, needsForReacting, react } from '../../src/conversation/routes.ts'
import type { Session } from '../../src/conversation/session.ts'
import type { View } from '../../src/conversation/view.ts'
import { fileId, kieTaskId, messageId } from '../../src/kit/ids.ts'
import type { Order } from '../../src/orders/order.ts'
import type { Language } from '../../src/people/person.ts'
import { anOrder, catalog, noon, photo, Talk } from './talk.ts'

const running: Order = anOrder('a1')
const completed: Order = {
  ...anOrder('a2'),
  status: 'completed',
  task: kieTaskId('t'),
  submittedAt: noon,
  producedAt: noon,
  completedAt: noon,
  artifacts: [
    { url: 'https://example.com/1.png', state: 'sent', file: fileId('f'), as: 'photo', message: messageId(1) },
  ],
}

type Walk = { readonly views: ReadonlyMap<string, View>; readonly opened: ReadonlySet<string> }

/** Presses every button of every screen, and answers questions that have no buttons, until nothing new is found. */
function walk(language: Language, circumstances = {}): Walk {
  const talk = new Talk({ language, orders: [running, completed], ...circumstances })
  const views = new Map<string, View>()
  const opened = new Set<string>()
  const queue: Session[] = [{ ...talk.session, revision: 1 }]
  const enter = (session: Session): void => {
    talk.session = session
    const { view, draft } = draw(talk.see(needsForDrawing(session.place), session.place), session.place)
    const drawn: Session = draft === undefined ? session : { ...session, draft }
    const key = keyOf(drawn)
    if (views.has(key)) return
    views.set(key, view)
    queue.push(drawn)
  }
  const follow = (session: Session, input: Parameters<typeof react>[1]): void => {
    talk.session = session
    const place = input.kind === 'opened' ? input.address : session.place
    const reaction = react(talk.see(needsForReacting(session, input), place), input)
    const { draft: before, ...rest } = session
    const draft = reaction.draft === undefined ? before : (reaction.draft ?? undefined)
    enter({ ...rest, place: reaction.go ?? session.place, ...(draft === undefined ? {} : { draft }) })
  }

  enter(queue.pop() ?? talk.session)
  for (let session = queue.shift(); session !== undefined; session = queue.shift()) {
    const view = views.get(keyOf(session))
    assert.ok(view)
    for (const button of view.keyboard.flat()) {
      if (!('to' in button)) continue
      opened.add(button.to.at)
      follow(session, { kind: 'opened', address: button.to })
    }
    if (session.place.at !== 'ask' && session.place.at !== 'offer') continue
    follow(session, { kind: 'text', text: 'кот в скафандре' })
    const taking: Session = { ...session }
    follow(taking, { kind: 'file', file: photo(1) })
    const waiting = session.draft?.taking
    if (waiting !== undefined) follow(session, { kind: 'file_checked', file: photo(1), verdict: 'picture' })
  }
  return { views, opened }
}

/** Two drafts of the same offer with the same question open are the same place here. */
function keyOf({ draft, place }: Session): string {
  if (!('draft' in place)) return JSON.stringify('quote' in place ? { ...place, quote: '' } : place)
  const offer = draft && catalog.get(draft.offer)
  const open = offer && missingField(offer, draft.values)?.name
  return JSON.stringify([{ ...place, draft: '' }, draft?.offer, open, draft?.taking !== undefined])
}

const russian = walk('ru')
const english = walk('en')
const rich = walk('ru', { balance: 1_000_000, freeToday: 0 })

describe('the menu', () => {
  it('reaches every offer and its confirm screen by buttons, prompts and photos alone', () => {
    for (const offer of catalog.offers) {
      assert.ok(russian.views.has(JSON.stringify({ at: 'offer', offer: offer.id })), `the card of ${offer.id}`)
      const confirmed = [...russian.views].some(
        ([key, view]) => view.screen === 'confirm' && key.includes(JSON.stringify(offer.id)),
      )
      assert.ok(confirmed, `the confirm screen of ${offer.id}`)
    }
  })

  it('reaches every screen and has a button for every act', () => {
    const screens = new Set([...russian.views.values()].map(({ screen }) => screen))
    for (const screen of [
      'main_menu',
      'category',
      'model_selection',
      'model_card',
      'params',
      'confirm',
      'balance',
      'top_up',
      'history',
      'order',
      'help',
      'language',
      'referral',
    ] as const) {
      assert.ok(screens.has(screen), screen)
    }
    const acts: readonly Address['at'][] = [
      'home', 'shelf', 'offer', 'ask', 'set', 'skip', 'enough', 'reset', 'params', 'confirm', 'run', 'cancel', 'order',
      'again', 'edit', 'resend', 'original', 'balance', 'top_up', 'top_up_amount', 'history', 'help', 'page', 'language',
      'set_language', 'referral', 'nowhere',
    ] // biome-ignore format: a list of words
    const opened = new Set([...russian.opened, ...rich.opened])
    assert.deepEqual(
      acts.filter((act) => !opened.has(act)),
      [],
    )
  })

  it('draws nothing that Telegram would refuse', () => {
    for (const [key, view] of [...russian.views, ...english.views, ...rich.views]) {
      const text = plain(view.text)
      assert.ok(text.trim() !== '', `${key} says something`)
      assert.ok(text.length <= messageLengthMax, `${key} fits a message: ${text.length}`)
      assert.ok(!/undefined|NaN|\[object|\bnull\b/.test(text), `${key}: ${text}`)
      assert.ok(view.keyboard.flat().length <= 100, `${key} has ${view.keyboard.flat().length} buttons`)
      for (const row of view.keyboard) assert.ok(row.length > 0 && row.length <= 8, `${key} has a row of ${row.length}`)
      for (const button of view.keyboard.flat()) {
        assert.ok(button.label.trim() !== '' && !/undefined|NaN/.test(button.label), `${key}: ${button.label}`)
        if ('to' in button) assert.deepEqual(decodeAddress(encodeAddress(button.to)), button.to, key)
      }
    }
  })

  it('leads home from every screen', () => {
    for (const [key, view] of russian.views) {
      if (view.screen === 'main_menu') continue
      const leads = view.keyboard.flat().some((button) => 'to' in button && button.to.at === 'home')
      assert.ok(leads, `${key} has a way home`)
    }
  })

  it('speaks one language at a time', () => {
    const names = /Язык|Русский/g
    for (const [key, view] of english.views) {
      const said = [plain(view.text), ...view.keyboard.flat().map(({ label }) => label)].join('\n')
      const stripped = said.replace(names, '').replaceAll('кот в скафандре', '')
      assert.ok(!/[а-яё]/i.test(stripped), `${key}: ${stripped}`)
    }
    for (const [key, view] of russian.views) {
      const said = [plain(view.text), ...view.keyboard.flat().map(({ label }) => label)].join('\n')
      assert.ok(!/\b(the|your|with|press|send|price|free|back|needs?)\b/i.test(said), `${key}: ${said}`)
    }
  })
})
