/**
 * Percent signs of a URL, a path or a cookie, decoded as UTF-8. A text in which one begins no character stays as it was
 * sent, so that it is looked up and not found instead of being a fault.
 */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
