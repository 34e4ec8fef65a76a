import type { Message } from '../api/schema.ts'
import { usePaneActions } from '../panes/actions.ts'
import './album.css'
import { Video } from './media.tsx'

/** Two to ten pictures as one mosaic, in rows of at most three, the larger rows first. */
export function Album({ messages }: { readonly messages: readonly Message[] }) {
  const { view } = usePaneActions()
  const pictures = messages.flatMap(({ photo, caption }) => (photo === undefined ? [] : [{ media: photo, caption }]))
  return (
    <div className="album">
      {rowsOf(messages).map((row) => (
        <div key={row[0]?.message_id} className="album__row" style={{ aspectRatio: `${ratioOf(row)}` }}>
          {row.map(({ message_id, photo, video, animation }) => {
            const moving = video ?? animation
            if (photo === undefined)
              return moving && <Video key={message_id} media={moving} looping={video === undefined} />
            return (
              <button
                key={message_id}
                type="button"
                className="album__picture"
                aria-label="Open the photo"
                style={{ flexGrow: shapeOf(photo) }}
                onClick={() =>
                  view(
                    pictures,
                    pictures.findIndex(({ media }) => media === photo),
                  )
                }
              >
                <img src={photo.url} alt="" decoding="async" />
              </button>
            )
          })}
        </div>
      ))}
    </div>
  )
}

const rowPlans: Readonly<Record<number, readonly number[]>> = {
  2: [2],
  3: [1, 2],
  4: [2, 2],
  5: [2, 3],
  6: [3, 3],
  7: [2, 2, 3],
  8: [2, 3, 3],
  9: [3, 3, 3],
  10: [2, 2, 3, 3],
}

function rowsOf(messages: readonly Message[]): readonly (readonly Message[])[] {
  const rows: Message[][] = []
  let at = 0
  for (const length of rowPlans[messages.length] ?? messages.map(() => 1)) {
    rows.push(messages.slice(at, at + length))
    at += length
  }
  return rows
}

const shapeOf = ({ width, height }: { readonly width?: number | undefined; readonly height?: number | undefined }) =>
  Math.min(1.8, Math.max(0.6, width && height ? width / height : 1))

/** The shape of a row in which all pictures are equally high. */
function ratioOf(row: readonly Message[]): number {
  const sum = row.reduce((ratio, { photo, video, animation }) => ratio + shapeOf(photo ?? video ?? animation ?? {}), 0)
  return Math.max(1.25, sum)
}
