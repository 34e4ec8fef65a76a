import { homeButton } from '../buttons.ts'
import { paragraphs } from '../rich.ts'
import type { Screen } from '../screen.ts'

/** The person's own link. It promises nothing: bonuses for invitations are not given yet. */
export const referral: Screen = {
  needs: [],
  draw({ texts, person, shop }) {
    const link = `https://t.me/${shop.botUsername}?start=ref_${person.id}`
    const share = `https://t.me/share/url?url=${encodeURIComponent(link)}&text=${encodeURIComponent(texts.referral.share)}`
    return {
      view: {
        screen: 'referral',
        text: paragraphs([{ bold: [texts.referral.title] }], texts.referral.notOpen, [{ code: link }]),
        keyboard: [[{ label: texts.buttons.share, url: share }], [homeButton(texts)]],
      },
    }
  },
}
