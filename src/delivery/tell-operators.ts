import type { View } from '../conversation/view.ts'
import { type Cid, chatOfPerson, newCid, type PersonId } from '../kit/ids.ts'
import type { NotDone, Outcome } from '../kit/outcome.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ChatGateway, ChatNo, Sent } from './chat-gateway.ts'

/** What an operator reads. */
const operatorView = (what: string, cid: Cid): View => ({
  screen: 'trouble',
  text: [what, '\n', { code: `cid=${cid}` }],
  keyboard: [],
})

/** They have blocked the bot, or never pressed Start: no message of ours reaches them until they do. */
export const isOutOfReach = ({ why }: NotDone<ChatNo>): boolean => why === 'blocked' || why === 'no_chat'

/**
 * Sends one operator one message. A message that is not taken is logged; that an operator is out of reach is logged once,
 * until a message reaches them again.
 */
export type TellOperator = (operator: PersonId, what: string, cid: Cid) => Promise<Outcome<Sent, ChatNo>>

export function createTellOperator({
  chat,
  telemetry,
}: {
  readonly chat: Pick<ChatGateway, 'send'>
  readonly telemetry: Telemetry
}): TellOperator {
  const outOfReach = new Set<PersonId>()
  return async function tellOperator(operator, what, cid) {
    const outcome = await chat.send({ chat: chatOfPerson(operator) }, operatorView(what, cid))
    if (outcome.kind === 'done') outOfReach.delete(operator)
    else if (outcome.kind === 'unknown' || !isOutOfReach(outcome)) {
      telemetry.emit('OPERATOR_NOT_TOLD', { what, error: outcome.detail, cid })
    } else if (!outOfReach.has(operator)) {
      outOfReach.add(operator)
      telemetry.emit('OPERATOR_OUT_OF_REACH', { operator, error: outcome.detail, cid })
    }
    return outcome
  }
}

/**
 * Tells the operators without an errand, for when nobody leads or no step can be made. Once, and whatever becomes of it
 * is in the log; never rejects.
 */
export function createTellNow({
  tellOperator,
  operators,
  telemetry,
}: {
  readonly tellOperator: TellOperator
  readonly operators: readonly PersonId[]
  readonly telemetry: Telemetry
}) {
  return async function tellNow(what: string): Promise<void> {
    const cid = newCid()
    telemetry.emit('OPERATOR_TOLD', { what, cid })
    for (const operator of operators) await tellOperator(operator, what, cid)
  }
}
