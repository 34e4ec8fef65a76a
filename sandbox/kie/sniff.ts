/** What a file is, by its first bytes; names and declared types lie. */
const signatures: readonly (readonly [mime: string, extension: string, matches: (bytes: Buffer) => boolean])[] = [
  ['image/png', 'png', (bytes) => bytes.subarray(0, 8).equals(Buffer.from('89504e470d0a1a0a', 'hex'))],
  ['image/jpeg', 'jpg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from('ffd8ff', 'hex'))],
  ['image/gif', 'gif', (bytes) => bytes.toString('latin1', 0, 4) === 'GIF8'],
  [
    'image/webp',
    'webp',
    (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP',
  ],
  [
    'audio/wav',
    'wav',
    (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WAVE',
  ],
  ['video/mp4', 'mp4', (bytes) => bytes.toString('latin1', 4, 8) === 'ftyp'],
  ['video/webm', 'webm', (bytes) => bytes.subarray(0, 4).equals(Buffer.from('1a45dfa3', 'hex'))],
  ['audio/ogg', 'ogg', (bytes) => bytes.toString('latin1', 0, 4) === 'OggS'],
  [
    'audio/mpeg',
    'mp3',
    (bytes) => bytes.toString('latin1', 0, 3) === 'ID3' || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0),
  ],
  ['application/pdf', 'pdf', (bytes) => bytes.toString('latin1', 0, 5) === '%PDF-'],
]

const unknown = ['application/octet-stream', 'bin'] as const

function sniff(bytes: Uint8Array): readonly [mime: string, extension: string] {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.byteLength))
  const [mime, extension] = signatures.find(([, , matches]) => matches(start)) ?? unknown
  return [mime, extension]
}

export const sniffMime = (bytes: Uint8Array): string => sniff(bytes)[0]
export const sniffExtension = (bytes: Uint8Array): string => sniff(bytes)[1]
