/**
 * Formats of pictures and pages that people send as files, and no model of KIE takes: they all want JPEG, PNG or WebP
 * that does not move (`animation`: PNG or WebP that does).
 * Known by name, so that what is said names what was sent. Pure.
 */
export const foreignFormats = [
  'heic',
  'avif',
  'gif',
  'bmp',
  'tiff',
  'pdf',
  'svg',
  'raw',
  'psd',
  'jxl',
  'animation',
] as const
export type ForeignFormat = (typeof foreignFormats)[number]

/**
 * What a file says it is, before its bytes are fetched. Undefined when it may be a picture after all: programs label
 * files carelessly, so one label that names an accepted picture is enough for the bytes to be looked at.
 */
export function declaredFormat({
  name,
  mime,
}: {
  readonly name?: string
  readonly mime?: string
}): ForeignFormat | undefined {
  const ending = /\.([a-z0-9]{1,8})$/i.exec(name?.trim() ?? '')?.[1]?.toLowerCase() ?? ''
  const type = mime?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (acceptedEndings.has(ending) || acceptedTypes.has(type)) return undefined
  return byEnding.get(ending) ?? byType.get(type)
}

const acceptedEndings: ReadonlySet<string> = new Set(['jpg', 'jpeg', 'jpe', 'jfif', 'png', 'webp'])
const acceptedTypes: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/jpg',
  'image/pjpeg',
  'image/png',
  'image/webp',
])

const byEnding = formatsBy({
  heic: ['heic', 'heics', 'heif', 'heifs', 'hif'],
  avif: ['avif', 'avifs'],
  gif: ['gif'],
  bmp: ['bmp', 'dib'],
  tiff: ['tif', 'tiff'],
  pdf: ['pdf'],
  svg: ['svg', 'svgz'],
  raw: ['raw', 'dng', 'cr2', 'cr3', 'crw', 'nef', 'nrw', 'arw', 'sr2', 'raf', 'orf', 'rw2', 'pef', 'srw'],
  psd: ['psd', 'psb'],
  jxl: ['jxl'],
  animation: ['apng'],
})
const byType = formatsBy({
  heic: ['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence'],
  avif: ['image/avif', 'image/avif-sequence'],
  gif: ['image/gif'],
  bmp: ['image/bmp', 'image/x-bmp', 'image/x-ms-bmp'],
  tiff: ['image/tiff', 'image/tiff-fx'],
  pdf: ['application/pdf', 'application/x-pdf'],
  svg: ['image/svg+xml'],
  raw: [
    'image/x-adobe-dng',
    'image/dng',
    'image/x-canon-cr2',
    'image/x-canon-cr3',
    'image/x-nikon-nef',
    'image/x-sony-arw',
  ],
  psd: ['image/vnd.adobe.photoshop', 'application/x-photoshop', 'image/x-psd'],
  jxl: ['image/jxl'],
  animation: ['image/apng'],
})

function formatsBy(names: Readonly<Record<ForeignFormat, readonly string[]>>): ReadonlyMap<string, ForeignFormat> {
  return new Map(foreignFormats.flatMap((format) => names[format].map((name) => [name, format] as const)))
}
