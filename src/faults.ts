/** The permit is not valid any more; nothing was written. A fault of the world, not of the work. */
export class FenceLost extends Error {
  override readonly name = 'FenceLost'
}

/** The database did not answer, was full, restarted, or gave way to another transaction: try again later. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault'
}

export const isFaultOfTheWorld = (error: unknown): boolean =>
  error instanceof FenceLost || error instanceof StorageFault
