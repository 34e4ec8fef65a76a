/**
 * Ends every switch over a union. A new member of the union stops compiling here; a value that lied its way past the
 * compiler (an old row, a foreign answer) is a fault that names the place.
 */
export function unreachable(value: never, where: string): never {
  throw new Error(`${where}: unexpected ${JSON.stringify(value)}`)
}
