import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cases } from '../../test/fixtures/seed.ts'
import { parseUpdate, peekUpdate } from './parse-update.ts'

const from = { id: 501, is_bot: false, first_name: 'Anna', username: 'anna', language_code: 'ru' }
const chat = { id: 501, type: 'private', first_name: 'Anna' }
const parse = (kind: string, content: unknown) => parseUpdate(JSON.stringify({ update_id: 9, [kind]: content }))
const message = (fields: object) => parse('message', { message_id: 7, date: 1, from, chat, ...fields })
const what = (fields: object) => message(fields).what

describe('a message', () => {
  it('says who wrote, where, and in which lane it waits', () => {
    assert.deepEqual(message({ text: 'hello' }), {
      updateId: 9,
      kind: 'message',
      lane: 'p:501',
      person: { id: 501, firstName: 'Anna', username: 'anna', languageCode: 'ru' },
      chat: { id: 501, type: 'private' },
      what: { type: 'text', text: 'hello', message: 7 },
    })
  })

  it('says in which topic of the chat it is; a thread of replies is none', () => {
    assert.deepEqual(message({ text: 'a', message_thread_id: 12, is_topic_message: true }).chat, {
      id: 501,
      type: 'private',
      topic: 12,
    })
    assert.deepEqual(message({ text: 'a', message_thread_id: 12 }).chat, { id: 501, type: 'private' })
    const under = { message_id: 3, date: 1, chat, message_thread_id: 12, is_topic_message: true }
    const tap = parse('callback_query', { id: 'q', from, data: 'x', message: under })
    assert.deepEqual(tap.chat, { id: 501, type: 'private', topic: 12 })
  })

  it('is a command only when it has the form of one', () => {
    const command = (text: string) => what({ text })
    const start = { type: 'command', name: 'start', payload: '', message: 7 }
    assert.deepEqual(command('/start'), start)
    assert.deepEqual(command('/Start  ref_501 '), { ...start, payload: 'ref_501' })
    assert.deepEqual(command('/start@Shop_Bot x y'), { ...start, bot: 'Shop_Bot', payload: 'x y' })
    assert.deepEqual(command('/start\nnext line'), { ...start, payload: 'next line' })
    for (const text of ['/', '/home/anna is a path', 'see /start', '/стоп', '/a-b']) {
      assert.equal(command(text).type, 'text', text)
    }
  })

  it('is a command from the operators’ probe, which has neither chat nor date', () => {
    const probe = '{"update_id": 999999, "message": {"text": "/start", "from": {"id": 1}}}'
    assert.deepEqual(parseUpdate(probe), {
      updateId: 999999,
      kind: 'message',
      lane: 'p:1',
      person: { id: 1, firstName: '' },
      what: { type: 'command', name: 'start', payload: '' },
    })
  })

  it('gives the largest size of a photo, its album and its caption', () => {
    const size = (file_id: string, file_size?: number) => ({ file_id, file_unique_id: `u-${file_id}`, file_size })
    assert.deepEqual(
      what({ photo: [size('s', 10), size('l', 900), size('m', 90)], media_group_id: 'g', caption: 'a fox' }),
      {
        type: 'photo',
        fileId: 'l',
        uniqueId: 'u-l',
        bytes: 900,
        message: 7,
        group: 'g',
        caption: 'a fox',
      },
    )
    const unsized = what({ photo: [size('s'), size('l')] })
    assert.equal(unsized.type === 'photo' && unsized.fileId, 'l', 'without sizes the last is the largest')
  })

  it('gives a document with what Telegram knows of it', () => {
    const document = { file_id: 'd', file_unique_id: 'u', file_size: 5, file_name: 'fox.png', mime_type: 'image/png' }
    assert.deepEqual(what({ document }), {
      type: 'document',
      fileId: 'd',
      uniqueId: 'u',
      bytes: 5,
      message: 7,
      name: 'fox.png',
      mime: 'image/png',
    })
  })

  it('tells what a person sent and we cannot use from Telegram’s own notes', () => {
    for (const holds of ['sticker', 'voice', 'video', 'audio', 'contact', 'location', 'dice', 'poll', 'video_note']) {
      assert.deepEqual(what({ [holds]: {} }), { type: 'unsupported', holds, message: 7 })
    }
    const animation = { animation: { file_id: 'a' }, document: { file_id: 'a' } }
    assert.deepEqual(what(animation), { type: 'unsupported', holds: 'animation', message: 7 })
    assert.equal(what({ some_future_medium: {} }).type, 'unsupported')
    for (const note of ['pinned_message', 'new_chat_title', 'write_access_allowed', 'chat_background_set', 'gift']) {
      assert.deepEqual(what({ [note]: {} }), { type: 'service', holds: note })
    }
  })

  it('brings a payment and a refund with their charge, even with a payload that does not read', () => {
    const payment = { currency: 'XTR', total_amount: 50, invoice_payload: 'topup', telegram_payment_charge_id: 'c1' }
    const paid = { type: 'successful_payment', charge: 'c1', payload: 'topup', totalAmount: 50, currency: 'XTR' }
    assert.deepEqual(what({ successful_payment: payment }), paid)
    assert.deepEqual(what({ refunded_payment: payment }), { ...paid, type: 'refunded_payment' })
    assert.deepEqual(what({ successful_payment: { ...payment, invoice_payload: 7 } }), { ...paid, payload: '' })
    const broken = what({ successful_payment: { currency: 'XTR', total_amount: 50 } })
    assert.equal(broken.type, 'unreadable_money')
    assert.match(broken.type === 'unreadable_money' ? broken.problem : '', /telegram_payment_charge_id/)
  })

  it('of a group names the kind of chat, so that it can be left alone', () => {
    assert.deepEqual(message({ chat: { id: -100, type: 'supergroup' }, text: 'hi' }).chat, {
      id: -100,
      type: 'supergroup',
    })
  })
})

describe('a string with a NUL or half of a surrogate pair', () => {
  it('is cleaned wherever it stands, and no other is touched', () => {
    const odd = 'a\u0000b\ud800 🎨 \udfff'
    const good = 'ab\ufffd 🎨 \ufffd'
    const person = { id: 501, is_bot: false, first_name: odd, username: odd, language_code: odd }
    const read = parse('message', { message_id: 7, from: person, chat, text: odd })
    assert.deepEqual(read.person, { id: 501, firstName: good, username: good, languageCode: good })
    assert.deepEqual(read.what, { type: 'text', text: good, message: 7 })
    assert.deepEqual(what({ text: 'плюс \\u0000 🎨' }), { type: 'text', text: 'плюс \\u0000 🎨', message: 7 })
  })

  it('is cleaned also where the body was parsed before', () => {
    const body = { update_id: 9, message: { message_id: 7, from, chat, text: 'a\u0000' } }
    const read = parseUpdate(JSON.stringify(body), body)
    assert.deepEqual(read.what, { type: 'text', text: 'a', message: 7 })
  })
})

describe('the other kinds', () => {
  it('are a tap with its button and the message under it', () => {
    const under = { message_id: 7, date: 1, chat, text: 'menu' }
    const tap = parse('callback_query', { id: 'q', from, data: 'cat:image', message: under })
    assert.deepEqual(tap.chat, { id: 501, type: 'private' })
    assert.deepEqual(tap.what, {
      type: 'tap',
      id: 'q',
      data: 'cat:image',
      message: { id: 7, hasText: true, inaccessible: false },
    })
    const old = parse('callback_query', { id: 'q', from, message: { message_id: 7, date: 0, chat } })
    assert.deepEqual(old.what, { type: 'tap', id: 'q', message: { id: 7, hasText: false, inaccessible: true } })
    assert.deepEqual(parse('callback_query', { id: 'q', from, inline_message_id: 'i' }).what, { type: 'tap', id: 'q' })
  })

  it('are a question before a payment, which intake sees as well', () => {
    const query = { id: 'p', from, currency: 'XTR', total_amount: 50, invoice_payload: 'topup' }
    const preCheckout = { id: 'p', currency: 'XTR', totalAmount: 50, payload: 'topup' }
    assert.deepEqual(parse('pre_checkout_query', query).what, { type: 'pre_checkout', ...preCheckout })
    assert.deepEqual(peekUpdate({ update_id: 9, pre_checkout_query: query }), {
      updateId: 9,
      kind: 'pre_checkout_query',
      lane: 'p:501',
      person: 501,
      preCheckout,
    })
  })

  it('are a person who goes or comes back, in a private chat only', () => {
    const change = (status: string, type = 'private') =>
      parse('my_chat_member', { from, chat: { id: 501, type }, date: 1, new_chat_member: { status, user: {} } }).what
        .type
    assert.equal(change('kicked'), 'blocked')
    assert.equal(change('member'), 'unblocked')
    assert.equal(change('kicked', 'group'), 'unknown')
    assert.equal(change('restricted'), 'unknown')
  })

  it('are an edited message, and what nobody knows', () => {
    assert.deepEqual(parse('edited_message', { message_id: 7, from, chat, text: 'new' }).what, { type: 'edited' })
    assert.deepEqual(parse('telepathy', { from: { id: 3 } }), {
      updateId: 9,
      kind: 'telepathy',
      lane: 'p:3',
      person: { id: 3, firstName: '' },
      what: { type: 'unknown' },
    })
    assert.deepEqual(parseUpdate('{"update_id":9}'), {
      updateId: 9,
      kind: 'unknown',
      lane: 'k:unknown',
      what: { type: 'unknown' },
    })
  })

  it('wait in the lane of their person, else of their chat, else of their kind', () => {
    const lane = (kind: string, content: unknown) => peekUpdate({ update_id: 9, [kind]: content })?.lane
    assert.equal(lane('message_reaction', { user: { id: 3 }, chat: { id: -5 } }), 'p:3')
    assert.equal(lane('channel_post', { chat: { id: -5 } }), 'c:-5')
    assert.equal(lane('poll', { id: '1' }), 'k:poll')
    assert.equal(lane('message', { from: { id: 'x' }, chat: { id: 1.5 } }), 'k:message')
    assert.equal(lane('NOT a kind', {}), 'k:unknown')
  })
})

describe('a bot that writes', () => {
  it('is known as one; whoever does not say so is a person', () => {
    const personOf = (isBot: unknown) =>
      parseUpdate(
        JSON.stringify({
          update_id: 1,
          message: { message_id: 1, text: 'x', from: { ...from, is_bot: isBot }, chat: { id: 501, type: 'private' } },
        }),
      ).person
    assert.equal(personOf(true)?.isBot, true)
    for (const each of [false, undefined, 1, 'true']) assert.equal(personOf(each)?.isBot, undefined)
  })
})

describe('what is no update', () => {
  it('is seen by intake and is a fault for dispatch', () => {
    for (const body of [null, 5, 'x', [], {}, { update_id: '9' }, { update_id: 1.5 }, { message: {} }]) {
      assert.equal(peekUpdate(body), undefined)
      assert.throws(() => parseUpdate(JSON.stringify(body)), /update_id/)
    }
    assert.throws(() => parseUpdate('{"update_id": 9'), /not JSON/)
  })

  it('is the only thing that throws: any object with an id parses', () => {
    const kinds = ['message', 'callback_query', 'pre_checkout_query', 'my_chat_member', 'edited_message', 'poll']
    const fields = ['text', 'photo', 'document', 'from', 'chat', 'id', 'data', 'message', 'successful_payment', 'date']
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...fields), fc.jsonValue())),
        (kind, content) => {
          const parsed = parse(kind, content)
          assert.equal(parsed.updateId, 9)
          assert.equal(parsed.lane, peekUpdate({ update_id: 9, [kind]: content })?.lane)
        },
      ),
      cases(1000),
    )
  })
})
