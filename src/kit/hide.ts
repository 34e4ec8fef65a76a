/**
 * Takes secrets out of text that may be shown. Finds them as they are, percent-encoded, and by their secret half (what
 * follows the colon of a bot's token), so that no part that could be used remains.
 */
export function createHider(...secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>()
  for (const secret of secrets) {
    const half = secret.includes(':') ? secret.slice(secret.indexOf(':') + 1) : ''
    for (const form of [secret, encodeURIComponent(secret), half]) {
      // A form this short is no secret, and taking it out would only garble the text.
      if (form.length >= shortestSecret) forms.add(form)
    }
  }
  // Longest first: the whole token goes before its half.
  const ordered = [...forms].sort((a, b) => b.length - a.length)
  return (text) => ordered.reduce((left, form) => left.replaceAll(form, '***'), text)
}

const shortestSecret = 6
