import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { kieTaskId } from '../kit/ids.ts'
import { readRecord } from './record.ts'

const task = kieTaskId('t1')
const read = (record: object) => readRecord({ taskId: 't1', model: 'z-image', ...record }, task)
const a = 'https://files.example/a.png'
const b = 'https://files.example/b.png'

describe('the record of a task', () => {
  it('knows the stages that are documented', () => {
    for (const stage of ['waiting', 'queuing', 'generating']) {
      assert.deepEqual(read({ state: stage, resultJson: '', failCode: null }), { state: 'running', stage })
    }
  })

  it('takes no state that nobody described for another one', () => {
    for (const state of ['paused', 'SUCCESS', 'fail ', '', null, 7, {}]) {
      const seen = read({ state })
      assert.equal(seen.state, 'unrecognized')
      assert.match(seen.state === 'unrecognized' ? seen.raw : '', /"taskId":"t1"/)
    }
    for (const data of [undefined, 'text', [], 5]) assert.equal(readRecord(data, task).state, 'unrecognized')
  })

  it('does not believe the record of another task', () => {
    assert.equal(read({ taskId: 't2', state: 'success', resultJson: `{"resultUrls":["${a}"]}` }).state, 'unrecognized')
  })

  it('finds the results wherever the forms of KIE put them', () => {
    const forms = [
      { resultJson: JSON.stringify({ resultUrls: [a, b] }) },
      { resultJson: JSON.stringify({ result_urls: [a, b] }) },
      { resultJson: { resultUrls: [a, b] } },
      { resultJson: JSON.stringify({ resultUrls: JSON.stringify([a, b]) }) },
      { resultJson: null, response: { resultUrls: [a, b] } },
      { resultJson: 'not json', response: { result_urls: [a, b] } },
    ]
    for (const form of forms) {
      assert.deepEqual(read({ state: 'success', ...form }), { state: 'succeeded', artifacts: [a, b] })
    }
    assert.deepEqual(read({ state: undefined, successFlag: 1, response: { resultUrls: [a] } }), {
      state: 'succeeded',
      artifacts: [a],
    })
  })

  it('does not recognise a list in which anything is no address on the web, wherever it stands', () => {
    const strange = [{ resultUrl: a }, [a], 'file:///etc/passwd', 'javascript:1', 7, null, '', 'https://']
    for (const each of strange) {
      for (const list of [[each], [each, a], [a, each], [a, each, b]]) {
        const forms = [
          { resultJson: JSON.stringify({ resultUrls: list }) },
          { resultJson: JSON.stringify({ result_urls: list }) },
          { resultJson: JSON.stringify({ resultUrls: JSON.stringify(list) }) },
          { resultJson: JSON.stringify({ resultUrls: [] }), response: { resultUrls: list } },
          { resultJson: JSON.stringify({ resultUrls: [a] }), response: { result_urls: list } },
        ]
        for (const form of forms) assert.equal(read({ state: 'success', ...form }).state, 'unrecognized')
      }
    }
    assert.equal(read({ state: 'success', resultJson: { resultUrls: { 0: a } } }).state, 'unrecognized')
  })

  it('is empty when the success says that there is nothing, and unrecognized when its form is unknown', () => {
    for (const form of ['{"resultUrls":[]}', '{"result_urls":[]}', '{"resultUrls":"[]"}']) {
      assert.equal(read({ state: 'success', resultJson: form }).state, 'empty')
    }
    assert.equal(read({ state: 'success', resultJson: null, response: { resultUrls: [] } }).state, 'empty')
    assert.deepEqual(read({ state: 'success', resultJson: '{"resultUrls":[]}', response: { resultUrls: [a] } }), {
      state: 'succeeded',
      artifacts: [a],
    })
    assert.equal(read({ state: 'success', resultJson: null }).state, 'unrecognized')
    assert.equal(read({ state: 'success', resultJson: '{"resultObject":{"text":"hi"}}' }).state, 'unrecognized')
    assert.equal(read({ state: 'success', resultJson: '{"resultUrls":' }).state, 'unrecognized')
  })

  it('counts credits as decimal strings under either name', () => {
    const success = { state: 'success', resultJson: `{"resultUrls":["${a}"]}` }
    const credits = (record: object) => {
      const seen = read({ ...success, ...record })
      return seen.state === 'succeeded' ? seen.credits : 'no success'
    }
    assert.equal(credits({ creditsConsumed: 0.8 }), '0.8')
    assert.equal(credits({ consumeCredits: 61 }), '61')
    assert.equal(credits({ creditsConsumed: 0.1 + 0.2 }), '0.3')
    assert.equal(credits({ creditsConsumed: 1e-9 }), '0')
    assert.equal(credits({ creditsConsumed: 1e21 }), undefined)
    assert.equal(credits({ creditsConsumed: -1 }), undefined)
    assert.equal(credits({}), undefined)
    const failed = read({ state: 'fail', failCode: '500', failMsg: 'x', creditsConsumed: 4 })
    assert.equal(failed.state === 'failed' && failed.credits, '4', 'also of a task that failed')
  })

  it('tells content rules from other failures', () => {
    const reason = (failCode: unknown, failMsg: unknown) => {
      const seen = read({ state: 'fail', failCode, failMsg, resultJson: null })
      return seen.state === 'failed' ? seen.reason : seen.state
    }
    assert.equal(reason('400', 'Your content violates our usage policies'), 'moderated')
    assert.equal(reason('500', 'The input contains sensitive information'), 'moderated')
    assert.equal(reason('422', '内容违规'), 'moderated')
    assert.equal(reason('400', 'value is case-sensitive'), 'generation_failed')
    assert.equal(reason('500', 'Internal error'), 'generation_failed')
    assert.equal(reason(null, null), 'generation_failed')
    assert.equal(reason('451', 'cannot fetch image'), 'input_lost')
    assert.equal(read({ successFlag: 3, failMsg: 'x' }).state, 'failed')
  })

  it('finds our own callback address, however often it was encoded', () => {
    const callBackUrl = 'https://shop.example/callbacks/kie/ref.sig'
    const param = { model: 'z-image', input: JSON.stringify({ prompt: 'x' }), callBackUrl }
    for (const form of [param, JSON.stringify(param), JSON.stringify(JSON.stringify(param))]) {
      assert.deepEqual(read({ state: 'waiting', param: form }), {
        state: 'running',
        stage: 'waiting',
        callbackUrl: callBackUrl,
      })
    }
    for (const form of ['{', '', null, '"text"', { callBackUrl: 7 }]) {
      assert.deepEqual(read({ state: 'waiting', param: form }), { state: 'running', stage: 'waiting' })
    }
  })
})
