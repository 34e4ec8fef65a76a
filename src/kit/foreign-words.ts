/** Longer words of a provider say nothing more. */
const unitsMax = 500

/** What somebody outside said, as it may be kept: PostgreSQL takes neither NUL nor half a surrogate pair. */
export const foreignWords = (text: string): string => text.replaceAll('\0', '').slice(0, unitsMax).toWellFormed()
