import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import ipaddr from 'ipaddr.js'
import type { ResolvedHost } from '../preflight/preflight.ts'

/** What may be asked at all: https without a password, and no address or name that can only be private. */
export function isPublicAddress(url: URL): boolean {
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return false
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? isPublicName(host) : isPublicIp(host)
}

/** Names without a dot and some with one never leave a machine or a network [RFC 6761, RFC 9476]. */
const isPublicName = (host: string): boolean =>
  /\.[^.]+\.?$/.test(host) && !/\.(localhost|local|internal|home\.arpa)\.?$/i.test(host)

/** Everything that some list sets apart (loopback, private, link-local, carrier NAT, fake addresses of proxies, multicast, …) is not. */
export function isPublicIp(text: string): boolean {
  if (isIP(text) === 0) return false
  const ip = ipaddr.process(text)
  if (ip.kind() === 'ipv4') return ip.range() === 'unicast'
  const whole = ipaddr.IPv6.parse(text)
  // A host that has IPv6 alone reaches IPv4 by these addresses, so the one in them counts.
  if (whole.match(translated)) return isPublicIp(ipaddr.fromByteArray(whole.toByteArray().slice(12)).toString())
  // IPv6 gives out public addresses from 2000::/3 only.
  return whole.range() === 'unicast' && whole.match(globalIpv6)
}

/** The well-known prefix of NAT64 [RFC 6052 2.1]. */
const translated = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

const globalIpv6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Leaves out every address that is not public; a name without one is refused with the code `refusedAddress`. */
export const publicOnly =
  (resolve: Resolve): LookupFunction =>
  (host, options, answer) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return answer(error, [])
      const open = addresses.filter(({ address }) => isPublicIp(address))
      const [first] = open
      if (first === undefined) {
        const text = `it resolves to ${addresses.map(({ address }) => address).join(', ') || 'nothing'}`
        return answer(Object.assign(new Error(text), { code: refusedAddress }), [])
      }
      if (options.all === true) return answer(null, open)
      return answer(null, first.address, first.family)
    })
  }

export const refusedAddress = 'ADDRESS_REFUSED'

/** What this machine resolves a name to; never rejects. */
export async function resolveHost(host: string, resolve: Resolve = lookup): Promise<ResolvedHost> {
  try {
    const found = await promisify(resolve)(host, { all: true })
    const addresses = found.map(({ address }) => address)
    return { host, addresses, isPublic: addresses.some(isPublicIp) }
  } catch (error) {
    return { host, addresses: [], isPublic: false, error: error instanceof Error ? error.message : String(error) }
  }
}

/** As `dns.lookup` of Node.js does it for all addresses of a name. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void
