/** The data files of the catalog as they stand in the program. Reading them is all that is done here. */
import { readdir, readFile } from 'node:fs/promises'
import type { CatalogSource } from '../catalog/compile-catalog.ts'

/** Where the offers are, as an operator would name the place. */
const folder = 'src/catalog/offers'

/** Every offer file and the words they share, in the order of their names. */
export async function readOfferFiles(
  directory = new URL('../catalog/offers/', import.meta.url),
): Promise<CatalogSource[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.json')).sort()
  return await Promise.all(
    names.map(async (name) => ({
      file: `${folder}/${name}`,
      text: await readFile(new URL(name, directory), 'utf8'),
    })),
  )
}
