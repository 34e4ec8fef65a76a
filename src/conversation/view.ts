import type { Address } from './address.ts'

/** A piece of text for a person. Structure instead of markup, so that nothing a person wrote can become markup. */
export type Piece =
  | string
  | { readonly bold: Rich }
  | { readonly italic: Rich }
  | { readonly code: string }
  | { readonly quote: Rich }
/** Text for a person; pieces follow one another without a separator, `\n` breaks the line. */
export type Rich = readonly Piece[]

export type Button =
  | { readonly label: string; readonly to: Address; readonly tone?: 'primary' | 'danger' }
  | { readonly label: string; readonly url: string }
/** Rows of buttons. */
export type Keyboard = readonly (readonly Button[])[]

/** What is drawn: plain data, so that it can be stored with the session and drawn again. */
export type View = {
  /** The name in telemetry; the fixed ones are in the contract. */
  readonly screen: ScreenId
  readonly text: Rich
  readonly keyboard: Keyboard
}

export type ScreenId =
  | 'main_menu'
  | 'category'
  | 'model_selection'
  | 'model_card'
  | 'params'
  | 'confirm'
  | 'progress'
  | 'result'
  | 'result_error'
  | 'balance'
  | 'top_up'
  | 'history'
  | 'order'
  | 'help'
  | 'language'
  | 'referral'
  | 'trouble'
