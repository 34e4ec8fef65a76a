import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'

/**
 * The program of the crash tests and all that it loads, as one file in this folder: each of some three hundred lives
 * needs half the time to load it. Nothing is renamed or shortened, and every module still knows its own place.
 */
export async function bundleLife(folder: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('main.ts', import.meta.url)),
    platform: 'node',
    // Loaded by nobody, or only by those who ask for them.
    external: ['pg-native', 'redis', 'typescript'],
    plugins: [inPlace],
    logLevel: 'silent',
  })
  const file = path.join(folder, 'life.mjs')
  await bundle.write({ file, format: 'esm', codeSplitting: false })
  await bundle.close()
  return file
}

/** Modules read files that lie beside them. */
const inPlace: Plugin = {
  name: 'in-place',
  transform(code, id) {
    const url = JSON.stringify(pathToFileURL(id).href)
    const folder = JSON.stringify(path.dirname(id))
    return code
      .replaceAll('import.meta.url', url)
      .replaceAll('import.meta.dirname', folder)
      .replaceAll('import.meta.filename', JSON.stringify(id))
      .replaceAll(/\b__dirname\b/g, folder)
      .replaceAll(/\b__filename\b/g, JSON.stringify(id))
  },
}
