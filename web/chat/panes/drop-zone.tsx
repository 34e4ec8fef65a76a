import { type DragEvent, type ReactNode, useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import './drop-zone.css'

interface DropZoneProps {
  readonly onDrop: (files: readonly File[], asDocuments: boolean) => void
  readonly children: ReactNode
}

/** Files dragged over the chat find two places to be dropped: as they are, or quickly as photos. */
export function DropZone({ onDrop, children }: DropZoneProps) {
  const [over, setOver] = useState(false)
  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files')
  const drop = (asDocuments: boolean) => (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    onDrop([...event.dataTransfer.files], asDocuments)
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the paper clip is the accessible one.
    <div
      className="drop"
      onDragEnter={(event) => carriesFiles(event) && setOver(true)}
      onDragOver={(event) => event.preventDefault()}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOver(false)
      }}
      onDrop={drop(false)}
    >
      {children}
      {over && (
        <div className="drop__targets" aria-hidden="true">
          {/* biome-ignore lint/a11y/noStaticElementInteractions: as above. */}
          <div className="drop__target" onDrop={drop(true)}>
            <Icon name="document" size={40} />
            Drop to send as files
          </div>
          {/* biome-ignore lint/a11y/noStaticElementInteractions: as above. */}
          <div className="drop__target" onDrop={drop(false)}>
            <Icon name="picture" size={40} />
            Drop to send the quick way
          </div>
        </div>
      )}
    </div>
  )
}
