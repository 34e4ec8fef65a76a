import { useRef } from 'react'
import { Menu } from '../parts/menu.tsx'

/** The paper clip: photos and videos, or any file as a document. */
export function FilePicker({ onFiles }: { readonly onFiles: (files: readonly File[], asDocuments: boolean) => void }) {
  const media = useRef<HTMLInputElement>(null)
  const documents = useRef<HTMLInputElement>(null)
  const take = (input: HTMLInputElement, asDocuments: boolean) => {
    const files = [...(input.files ?? [])]
    // Choosing the same file again later has to count as a choice.
    input.value = ''
    if (files.length > 0) onFiles(files, asDocuments)
  }
  return (
    <>
      <Menu
        label="Attach"
        icon="clip"
        upwards
        items={[
          { label: 'Photo or video', icon: 'picture', onChoose: () => media.current?.click() },
          { label: 'Document', icon: 'document', onChoose: () => documents.current?.click() },
        ]}
      />
      <input
        ref={media}
        type="file"
        hidden
        multiple
        accept="image/*,video/*,audio/*"
        data-testid="pick-media"
        onChange={({ currentTarget }) => take(currentTarget, false)}
      />
      <input
        ref={documents}
        type="file"
        hidden
        multiple
        data-testid="pick-documents"
        onChange={({ currentTarget }) => take(currentTarget, true)}
      />
    </>
  )
}
