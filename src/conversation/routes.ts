/**
 * MAP: every screen, and every button. `react` gives what a person did to the screen where they are, and answers it
 * whatever it is; `draw` shows a place. Pure: what is read comes in, what follows goes out as data.
 */
import { unreachable } from '../kit/unreachable.ts'
import type { Address } from './address.ts'
import { refusedOnce } from './album-refusals.ts'
import { supportButton, supportLine } from './buttons.ts'
import { needsOfCommand, reactToCommand } from './commands.ts'
import { formerLabel } from './former-keyboard.ts'
import { keepPhoto } from './kept-photos.ts'
import { paragraphs } from './rich.ts'
import type { Input, Need, Reaction, Screen, Seen } from './screen.ts'
import { balance } from './screens/balance/balance.ts'
import { topUp, topUpBy } from './screens/balance/top-up.ts'
import { help } from './screens/help/help.ts'
import { pages } from './screens/help/pages.ts'
import { history } from './screens/history/history.ts'
import { order } from './screens/history/order.ts'
import { again, cancel, edit, original, resend } from './screens/history/order-acts.ts'
import { home } from './screens/home.ts'
import { language, setLanguage } from './screens/language.ts'
import { referral } from './screens/referral.ts'
import { ask } from './screens/shelf/offer/ask.ts'
import { card } from './screens/shelf/offer/card.ts'
import { confirm } from './screens/shelf/offer/confirm.ts'
import { reactToCheckedFile } from './screens/shelf/offer/file-checked.ts'
import { params } from './screens/shelf/offer/params.ts'
import { run } from './screens/shelf/offer/run.ts'
import { enough, reset, set, skip } from './screens/shelf/offer/wizard-acts.ts'
import { shelf } from './screens/shelf/shelf.ts'
import type { Draft, Session } from './session.ts'
import type { View } from './view.ts'

/** A button that does something and leads on; nobody stays there, so drawn all the same it is the menu. */
const act = (react: (seen: Seen, place: Address) => Reaction, reactNeeds: readonly Need[] = []): Screen => ({
  needs: home.needs,
  reactNeeds,
  draw: (seen) => home.draw(seen, { at: 'home' }),
  react: (seen, place) => react(seen, place),
})

const screens: { readonly [At in Address['at']]: Screen } = {
  home,
  shelf,
  offer: card,
  ask,
  set: act(set),
  skip: act(skip),
  enough: act(enough),
  reset: act(reset),
  params,
  confirm,
  run: act(run, ['order']),
  cancel: act(cancel, ['order']),
  again: act(again, ['order']),
  edit: act(edit, ['order']),
  resend: act(resend, ['order']),
  original: act(original, ['order']),
  balance,
  top_up: topUp,
  top_up_amount: act(topUpBy),
  history,
  order,
  help,
  page: pages,
  language,
  set_language: act(setLanguage),
  referral,
  nowhere: act(({ texts }) => ({ still: true, toast: texts.toasts.label })),
}

export const screenCount = Object.keys(screens).length
export const screenAt = (address: Address): Screen => screens[address.at]

/** What a person did, and what follows. Every input is answered: by a place, a sentence, a toast, or a command. */
export function react(seen: Seen, input: Input): Reaction {
  // Somebody the operator blocked gets one answer everywhere; `draw` shows it.
  if (seen.person.bannedAt !== undefined) return { draft: null, go: { at: 'home' } }
  return refusedOnce(seen, input, reactTo(seen, input))
}

function reactTo(seen: Seen, input: Input): Reaction {
  switch (input.kind) {
    case 'opened':
      return screenAt(input.address).react?.(seen, input.address, input) ?? { go: input.address }
    case 'unknown_button':
      return { go: { at: 'home' }, notice: { type: 'old_button' }, toast: seen.texts.toasts.unknownButton }
    case 'command':
      return reactToCommand(seen, input.name)
    case 'file_checked':
      return reactToCheckedFile(seen, input)
    case 'text': {
      const label = formerLabel(input.text)
      if (label?.isBare === false) return label.reaction
      return reactHere(seen, input) ?? label?.reaction ?? { notice: { type: 'unexpected_text' } }
    }
    case 'file':
      return tooLateForAlbum(seen, input) ?? reactHere(seen, input) ?? keepPhoto(seen, input)
    case 'unsupported':
      return reactHere(seen, input) ?? { notice: { type: 'unsupported' } }
    case 'foreign_file':
      return { notice: { type: 'foreign_format', format: input.format } }
    default:
      return unreachable(input, 'react')
  }
}

const reactHere = (seen: Seen, input: Input): Reaction | undefined =>
  screenAt(seen.session.place).react?.(seen, seen.session.place, input)

/** A part of an album whose other parts were ordered already: it joins nothing, and that is said once. */
function tooLateForAlbum({ session }: Seen, { group }: Extract<Input, { kind: 'file' }>): Reaction | undefined {
  const { placedAlbum } = session
  if (placedAlbum === undefined || placedAlbum.group !== group) return undefined
  if (placedAlbum.isTold) return { still: true }
  return { placedAlbum: { ...placedAlbum, isTold: true }, notice: { type: 'album_part_late' } }
}

/** The view of a place. `draft`, when there is one, replaces the session's: the confirm screen puts its quote there. */
export function draw(seen: Seen, place: Address): { readonly view: View; readonly draft?: Draft } {
  return seen.person.bannedAt === undefined ? screenAt(place).draw(seen, place) : { view: drawBanned(seen) }
}

function drawBanned({ texts, shop }: Seen): View {
  return {
    screen: 'trouble',
    text: paragraphs(texts.trouble.banned, supportLine(shop, texts)),
    keyboard: supportButton(shop, texts),
  }
}

/** What must be read before `react`. */
export function needsForReacting(_session: Session, input: Input): readonly Need[] {
  switch (input.kind) {
    case 'opened':
      return screenAt(input.address).reactNeeds ?? []
    case 'command':
      return needsOfCommand(input.name)
    case 'unknown_button':
    case 'text':
    case 'file':
    case 'file_checked':
    case 'unsupported':
    case 'foreign_file':
      return []
    default:
      return unreachable(input, 'needsForReacting')
  }
}

/** What must be read before `draw`. */
export const needsForDrawing = (place: Address): readonly Need[] => screenAt(place).needs
