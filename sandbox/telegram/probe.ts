/** What bytes are, by their first ones: enough to know a picture's size and to tell a video from a text file. */
export type Frame = { readonly mime: string; readonly width: number; readonly height: number }

/** Type and dimensions of a PNG, JPEG, WebP or GIF; undefined for everything else. */
export function probeImage(bytes: Uint8Array): Frame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return probePng(view) ?? probeGif(view) ?? probeWebp(view) ?? probeJpeg(view)
  } catch (error) {
    // A cut-off header reads past the end.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function ascii(view: DataView, at: number, length: number): string {
  let text = ''
  for (let i = 0; i < length && at + i < view.byteLength; i += 1) text += String.fromCharCode(view.getUint8(at + i))
  return text
}

function probePng(view: DataView): Frame | undefined {
  if (ascii(view, 0, 8) !== '\x89PNG\r\n\x1a\n') return undefined
  return { mime: 'image/png', width: view.getUint32(16), height: view.getUint32(20) }
}

function probeGif(view: DataView): Frame | undefined {
  if (!/^GIF8[79]a$/.test(ascii(view, 0, 6))) return undefined
  return { mime: 'image/gif', width: view.getUint16(6, true), height: view.getUint16(8, true) }
}

function probeWebp(view: DataView): Frame | undefined {
  if (ascii(view, 0, 4) !== 'RIFF' || ascii(view, 8, 4) !== 'WEBP') return undefined
  const mime = 'image/webp'
  switch (ascii(view, 12, 4)) {
    case 'VP8 ':
      return { mime, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
    case 'VP8L': {
      const bits = view.getUint32(21, true)
      return { mime, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X': {
      const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
      return { mime, width: uint24(24) + 1, height: uint24(27) + 1 }
    }
    default:
      return undefined
  }
}

function probeJpeg(view: DataView): Frame | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined
  let at = 2
  for (;;) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1
    if (view.getUint8(at) !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { mime: 'image/jpeg', width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
    at += 2 + view.getUint16(at + 2)
  }
}

const startsWith = (bytes: Uint8Array, at: number, text: string) =>
  Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text

/** The MIME type of media a client plays, by magic bytes; undefined for the rest. */
export function sniffMime(bytes: Uint8Array): string | undefined {
  const image = probeImage(bytes)
  if (image !== undefined) return image.mime
  if (startsWith(bytes, 4, 'ftyp'))
    return /^M4[AB]/.test(Buffer.from(bytes.subarray(8, 11)).toString('latin1')) ? 'audio/mp4' : 'video/mp4'
  if (startsWith(bytes, 0, '\x1a\x45\xdf\xa3')) return 'video/webm'
  if (startsWith(bytes, 0, 'OggS')) return 'audio/ogg'
  if (startsWith(bytes, 0, 'ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2)) return 'audio/mpeg'
  if (startsWith(bytes, 0, 'RIFF') && startsWith(bytes, 8, 'WAVE')) return 'audio/wav'
  if (startsWith(bytes, 0, 'fLaC')) return 'audio/flac'
  if (startsWith(bytes, 0, '%PDF')) return 'application/pdf'
  if (startsWith(bytes, 0, 'PK\x03\x04')) return 'application/zip'
  return undefined
}
