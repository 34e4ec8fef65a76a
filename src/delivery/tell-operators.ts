import type { View } from '../conversation/view.ts'
import { type Cid, chatOfPerson, newCid, type PersonId } from '../kit/ids.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ChatGateway } from './chat-gateway.ts'

/** What an operator reads. */
export const operatorView = (what: string, cid: Cid): View => ({
  screen: 'trouble',
  text: [what, '\n', { code: `cid=${cid}` }],
  keyboard: [],
})

/**
 * Tells the operators without an errand, for when nobody leads or no step can be made. Once, and whatever becomes of it
 * is in the log; never rejects.
 */
export function createTellNow({
  chat,
  operators,
  telemetry,
}: {
  readonly chat: ChatGateway
  readonly operators: readonly PersonId[]
  readonly telemetry: Telemetry
}) {
  return async function tellNow(what: string): Promise<void> {
    const cid = newCid()
    telemetry.emit('OPERATOR_TOLD', { what, cid })
    for (const operator of operators) {
      const outcome = await chat.send(chatOfPerson(operator), operatorView(what, cid))
      if (outcome.kind !== 'done') telemetry.emit('OPERATOR_NOT_TOLD', { what, error: outcome.detail, cid })
    }
  }
}
