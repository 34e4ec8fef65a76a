/** A task in the words of those who ask: KIE's `recordInfo`, its callback, and the sandbox's control API. */
import type { Behaviour } from './behaviour.ts'
import type { Files } from './files.ts'
import { stateOf, type Task } from './task.ts'

/** `data` of `GET /api/v1/jobs/recordInfo`, as strange as the behaviour says. `costTime`: seconds, as observed. */
export function recordInfo(task: Task, now: number, files: Files, behaviour: Strange) {
  const { settled } = task
  const result = strangeResult(resultOf(task, files), behaviour)
  return {
    taskId: task.id,
    model: task.model,
    state: behaviour.state_word ?? stateOf(task, now),
    param: param(task),
    resultJson: result === null ? '' : JSON.stringify(result),
    response: result,
    successFlag: settled === undefined ? 0 : settled.state === 'success' ? 1 : 3,
    failCode: settled?.state === 'fail' ? settled.failure.code : '',
    failMsg: settled?.state === 'fail' ? settled.failure.msg : '',
    costTime: settled === undefined ? 0 : seconds(settled.at - task.createdAt),
    completeTime: settled?.at ?? null,
    createTime: task.createdAt,
    updateTime: settled?.at ?? now,
    creditsConsumed: settled?.state === 'success' ? settled.credits : 0,
  }
}

/** The body posted to `callBackUrl`; undefined while the task runs. */
export function callbackBody(task: Task, files: Files) {
  const { settled } = task
  if (settled === undefined) return undefined
  const common = { taskId: task.id, model: task.model, state: settled.state, param: param(task) }
  const costTime = seconds(settled.at - task.createdAt)
  if (settled.state === 'fail') {
    const { code, msg } = settled.failure
    const data = { ...common, failCode: code, failMsg: msg, costTime, creditsConsumed: 0 }
    return { code: 501, msg: 'Playground task failed.', data }
  }
  const times = { costTime, createTime: task.createdAt, completeTime: settled.at, updateTime: settled.at }
  const data = {
    ...common,
    resultJson: JSON.stringify(resultOf(task, files)),
    ...times,
    creditsConsumed: settled.credits,
  }
  return { code: 200, msg: 'Playground task completed successfully.', data }
}

/**
 * What somebody would post who knows the callback URL and one valid signature: the opposite of what will happen, with a
 * result that is not KIE's.
 */
export function forgedBody(task: Task, now: number) {
  const common = { taskId: task.id, model: task.model, param: param(task), costTime: 1 }
  if (task.planned === undefined) {
    const data = { ...common, state: 'fail', failCode: '500', failMsg: 'Internal Error', creditsConsumed: 0 }
    return { code: 501, msg: 'Playground task failed.', data }
  }
  const resultJson = JSON.stringify({ resultUrls: ['https://forged.invalid/picture.png'] })
  const times = { createTime: task.createdAt, completeTime: now, updateTime: now }
  const data = { ...common, state: 'success', resultJson, ...times, creditsConsumed: task.price }
  return { code: 200, msg: 'Playground task completed successfully.', data }
}

/** One of `GET /sandbox/v1/kie/tasks`; times are milliseconds since 1970. */
export function controlView(task: Task, now: number, files: Files) {
  const { settled } = task
  return {
    id: task.id,
    model: task.model,
    state: stateOf(task, now),
    input: task.input,
    ...(task.callbackUrl === undefined ? {} : { callback_url: task.callbackUrl }),
    created_at: task.createdAt,
    ...(settled === undefined ? {} : { completed_at: settled.at }),
    credits: settled?.state === 'success' ? settled.credits : 0,
    price: task.price,
    callbacks: task.callbacks,
    ...(settled?.state === 'success' ? { result_urls: settled.files.map(files.urlOf) } : {}),
    ...(settled?.state === 'fail' ? { fail_code: settled.failure.code, fail_msg: settled.failure.msg } : {}),
  }
}

/** The request as KIE gives it back: JSON text whose `input` is JSON text once more. */
const param = (task: Task): string =>
  JSON.stringify({ input: JSON.stringify(task.input), callBackUrl: task.callbackUrl, model: task.model })

const resultOf = ({ settled }: Task, files: Files) =>
  settled?.state === 'success' ? { resultUrls: settled.files.map(files.urlOf) } : null

type Strange = Pick<Behaviour, 'state_word' | 'results_max' | 'result_list'>

function strangeResult(result: ReturnType<typeof resultOf>, { results_max: max, result_list: list }: Strange) {
  if (result === null) return null
  const urls = result.resultUrls.slice(0, max ?? undefined)
  return { resultUrls: list === 'objects' ? urls.map((resultUrl) => ({ resultUrl })) : urls }
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000))
