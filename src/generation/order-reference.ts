import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Cid, cid, type OrderId, parseOrderId } from '../kit/ids.ts'

/**
 * The reference of an order in its callback URL, signed by us: KIE can send no header of ours, and no submit can be
 * looked up by an id of ours, so the URL is the only thing that comes back [kie-api 2].
 */
export type OrderReferences = {
  sign(order: OrderId, story: Cid): string
  /** Undefined for anything that was not signed with our key. */
  read(reference: string): { readonly order: OrderId; readonly cid: Cid } | undefined
}

const shape = /^([0-9a-z]{12})([0-9a-f]{8})([A-Za-z0-9_-]{22})$/

export function createOrderReferences(key: string): OrderReferences {
  const macOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url').slice(0, 22)
  return {
    sign: (order, story) => `${order}${story}${macOf(`${order}${story}`)}`,
    read(reference) {
      const [, orderText = '', story = '', mac = ''] = shape.exec(reference) ?? []
      const order = parseOrderId(orderText)
      if (order === undefined) return undefined
      const ours = timingSafeEqual(Buffer.from(macOf(`${order}${story}`)), Buffer.from(mac))
      return ours ? { order, cid: cid(story) } : undefined
    },
  }
}
