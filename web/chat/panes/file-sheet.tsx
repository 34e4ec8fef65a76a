import { useEffect, useState } from 'react'
import { sizeOf } from '../../shared/format.ts'
import { Icon } from '../../shared/icons.tsx'
import type { FileKind } from '../api/client.ts'
import { Sheet } from '../parts/sheet.tsx'
import './file-sheet.css'

interface FileSheetProps {
  readonly files: readonly File[]
  readonly asDocuments: boolean
  readonly onSend: (kind: FileKind, file: File, caption: string) => void
  readonly onClose: () => void
}

/** Before files leave: a look at them, a caption, and whether they go as photos or as documents. */
export function FileSheet({ files, asDocuments, onSend, onClose }: FileSheetProps) {
  const [caption, setCaption] = useState('')
  const [asFiles, setAsFiles] = useState(asDocuments)
  const compressible = files.some((file) => kindOf(file) !== 'document')
  const send = () => {
    for (const [index, file] of files.entries()) {
      onSend(asFiles ? 'document' : kindOf(file), file, index === 0 ? caption.trim() : '')
    }
    onClose()
  }
  return (
    <Sheet title={titleOf(files, asFiles)} onClose={onClose}>
      <form
        className="files"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        <ul className="files__list">
          {files.map((file) => (
            <Preview key={`${file.name}${file.lastModified}${file.size}`} file={file} asFile={asFiles} />
          ))}
        </ul>
        {compressible && (
          <label className="check">
            <input
              type="checkbox"
              checked={asFiles}
              onChange={({ currentTarget }) => setAsFiles(currentTarget.checked)}
            />
            Send as {files.length === 1 ? 'a file' : 'files'}, without compression
          </label>
        )}
        <div className="files__line">
          <input
            className="field"
            dir="auto"
            aria-label="Caption"
            placeholder="Add a caption…"
            value={caption}
            onChange={({ currentTarget }) => setCaption(currentTarget.value)}
          />
          <button type="submit" className="button">
            Send
          </button>
        </div>
      </form>
    </Sheet>
  )
}

function Preview({ file, asFile }: { readonly file: File; readonly asFile: boolean }) {
  const [url, setUrl] = useState<string>()
  const pictured = !asFile && kindOf(file) === 'photo'
  useEffect(() => {
    if (!pictured) return
    const made = URL.createObjectURL(file)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [file, pictured])
  if (pictured) return <li className="files__picture">{url !== undefined && <img src={url} alt={file.name} />}</li>
  return (
    <li className="file files__file">
      <span className="disc">
        <Icon name="document" />
      </span>
      <span className="file__about">
        <strong>{file.name}</strong>
        <span>{sizeOf(file.size)}</span>
      </span>
    </li>
  )
}

function titleOf(files: readonly File[], asFiles: boolean): string {
  const kinds = new Set(files.map((file) => (asFiles ? 'document' : kindOf(file))))
  const noun =
    kinds.size === 1
      ? { photo: 'photo', video: 'video', audio: 'track', document: 'file' }[[...kinds][0] ?? 'document']
      : 'file'
  return files.length === 1 ? `Send a ${noun}` : `Send ${files.length} ${noun}s`
}

/** What Telegram makes of a file sent the quick way. */
function kindOf({ type }: File): FileKind {
  if (/^image\/(jpeg|png|webp)$/.test(type)) return 'photo'
  if (type.startsWith('video/')) return 'video'
  if (type.startsWith('audio/')) return 'audio'
  return 'document'
}
