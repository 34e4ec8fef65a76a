/** A check from outside that did not hold: what is wrong, so that the last line of the command can say it. */
export class Red extends Error {
  override readonly name = 'Red'
}
