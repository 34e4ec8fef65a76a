/** Where results of KIE were seen; it promises no list [kie-api 1]. */
const resultHosts = ['tempfile.aiquickdraw.com', 'file.aiquickdraw.com', 'tempfile.redpandaai.co']

/** The hosts that give and take KIE's files; none where another KIE is set than the real one. */
export function fileHosts({ apiUrl, uploadUrl }: { readonly apiUrl: string; readonly uploadUrl: string }) {
  return new URL(apiUrl).hostname === 'api.kie.ai' ? [...resultHosts, new URL(uploadUrl).hostname] : []
}
