/**
 * Takes secrets out of text that may be shown. Finds them as they are, percent-encoded, in any letter case (a host name
 * comes back in small letters), and by their secret half (what follows the colon of a bot's token), so that no part
 * that could be used remains.
 */
export function createHider(...secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), secret.split(':').slice(1).join(':')])
  // Longest first, so that the whole token goes before its half. What is short is no secret and would garble the text.
  const searched = forms.filter((form) => form.length >= shortestSecret).sort((a, b) => b.length - a.length)
  if (searched.length === 0) return (text) => text
  const pattern = new RegExp(searched.map((form) => RegExp.escape(form)).join('|'), 'gi')
  return (text) => text.replace(pattern, '***')
}

export const shortestSecret = 6
