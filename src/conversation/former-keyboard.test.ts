import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formerLabel } from './former-keyboard.ts'

describe('a label of the former keyboard', () => {
  for (const [label, at, isBare] of [
    ['💳 Баланс', 'balance', false],
    ['💳 Баланс: 120 ₽', 'balance', false],
    ['Balance', 'balance', true],
    ['🆓 Fast tools (free)', 'shelf', false],
    ['🎨 Text → image', 'shelf', false],
    ['🧩 Image → image / remix', undefined, false],
    ['🧩 IMAGE REMIX', 'shelf', false],
    ['🤝 Партнёрка', 'referral', false],
    ['🏠 Главное меню', 'home', false],
    ['❓ Помощь', 'help', false],
    ['🎨 кот в шляпе', undefined, false],
    ['баланс белого на фото', undefined, false],
    ['', undefined, false],
    ['💳', undefined, false],
  ] as const) {
    it(`${JSON.stringify(label)} leads to ${at ?? 'no place'}`, () => {
      const found = formerLabel(label)
      assert.equal(found?.reaction.go?.at, at)
      if (at !== undefined) assert.equal(found?.isBare, isBare)
    })
  }

  it('is no longer text that begins like one', () => {
    assert.equal(formerLabel(`💳 Баланс${' '.repeat(60)}`), undefined)
  })
})
