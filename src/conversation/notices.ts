import { paragraphs } from './rich.ts'
import type { Notice } from './session.ts'
import type { NoticeTexts, RefusalTexts, Texts } from './texts/texts.ts'
import type { View } from './view.ts'

/** The view with a sentence above it. */
export function withNotice(view: View, notice: Notice, texts: Texts): View {
  return { ...view, text: paragraphs([{ italic: [noticeText(notice, texts)] }], view.text) }
}

/** What a notice says. */
export function noticeText(notice: Notice, texts: Texts): string {
  return notice.type === 'refused' ? sayRefusal(texts.refusals, notice.refusal) : sayNotice(texts.notices, notice)
}

type Plain = Exclude<Notice, { type: 'refused' }>

/** The tables hold a function for each member of the union; the key chooses the function that takes this member. */
function sayNotice<Type extends Plain['type']>(
  table: NoticeTexts,
  notice: Extract<Plain, { type: Type }> & { type: Type },
): string {
  const say: (notice: Extract<Plain, { type: Type }>) => string = table[notice.type]
  return say(notice)
}

type AnyRefusal = Extract<Notice, { type: 'refused' }>['refusal']
function sayRefusal<Code extends AnyRefusal['code']>(
  table: RefusalTexts,
  refusal: Extract<AnyRefusal, { code: Code }> & { code: Code },
): string {
  const say: (refusal: Extract<AnyRefusal, { code: Code }>) => string = table[refusal.code]
  return say(refusal)
}
