import ts from 'typescript'

/** Reads the table of docs/guarantees.md, and finds the tests that it names among those that are really run. */
export type Guarantee = {
  readonly id: string
  /** How far the tests hold it. */
  readonly heldBy: readonly string[]
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}
/** The text of a file of the project; undefined when there is none. */
export type Read = (file: string) => string | undefined

const ways = ['running', 'types', 'a list']
const ids = Array.from({ length: 32 }, (_, n) => `P${n + 1}`)

export function guaranteesIn(document: string): readonly Guarantee[] {
  return document
    .split('\n')
    .filter((line) => /^\| P\d+ \|/.test(line))
    .map((line) => {
      const [, id = '', , , heldBy = '', tests = ''] = line.split(' | ').join('|').split('|')
      const named = [...tests.matchAll(/`([^`]+)` \*([^*]+)\*/g)]
      return {
        id: id.trim(),
        heldBy: heldBy.split(', '),
        tests: named.map(([, file = '', title = '']) => ({ file, title })),
      }
    })
}

/** Titles by the text they stand in, each text read once. */
export type Titles = (text: string) => readonly (readonly string[])[]
export function createTitles(): Titles {
  const known = new Map<string, ReturnType<Titles>>()
  return (text) => {
    const found = known.get(text) ?? titlesIn(text)
    known.set(text, found)
    return found
  }
}

/** Everything that is not as the document says; `files` are all of the project. */
export function problemsIn(
  document: string,
  read: Read,
  files: readonly string[],
  titles: Titles = createTitles(),
): readonly string[] {
  const rows = guaranteesIn(document)
  const problems = ids.flatMap((id) => {
    const times = rows.filter((row) => row.id === id).length
    return times === 1 ? [] : [`${id} is there ${times} times`]
  })
  for (const { id, heldBy, tests } of rows) {
    if (!heldBy.every((way) => ways.includes(way))) problems.push(`${id} does not say how it is held`)
    if (!ids.includes(id)) problems.push(`${id} is not known`)
    if (tests.length === 0) problems.push(`${id} names no test`)
    for (const { file, title } of tests) {
      const text = read(file)
      if (text === undefined) problems.push(`${id}: ${file} is not there`)
      else if (!isRun(file, read, files)) problems.push(`${id}: ${file} is run by no test`)
      else if (!titles(text).some((parts) => parts.includes(title)))
        problems.push(`${id}: ${file} has no test "${title}" that is run`)
    }
  }
  return problems
}

/** A test file is run; what holds several engines to the same is run by the test files that import it. */
function isRun(file: string, read: Read, files: readonly string[]): boolean {
  if (file.endsWith('.test.ts')) return /^(src|sandbox|test)\//.test(file)
  const imported = `/${file.split('/').at(-1)}'\n`
  return files.some((other) => other.endsWith('.test.ts') && importsOf(read(other)).includes(imported))
}

const importsOf = (text = ''): string => text.match(/^(import|\}) .*from '.*'\n/gm)?.join('') ?? ''

/** The titles of the tests that are run, each as its constant parts: a title that is made for each case has several. */
function titlesIn(text: string): readonly (readonly string[])[] {
  const titles: (readonly string[])[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      if (isLeftOut(node)) return
      const [title] = node.arguments
      if (title !== undefined && /^(t\.|run\.)?(it|test|describe|guarantee)$/.test(node.expression.getText())) {
        titles.push(partsOf(title).map((part) => part.trim()))
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('a.test.ts', text, ts.ScriptTarget.Latest, true))
  return titles
}

/** `it.skip`, `test.todo`, or the same as an option; with everything inside. */
function isLeftOut({ expression, arguments: given }: ts.CallExpression): boolean {
  if (/^(it|test|describe|t)\b.*\.(skip|todo)$/.test(expression.getText())) return true
  return given.some(
    (each) =>
      ts.isObjectLiteralExpression(each) &&
      each.properties.some((property) => /^['"]?(skip|todo)\b/.test(property.getText())) &&
      /^(t\.)?(it|test|describe)$/.test(expression.getText()),
  )
}

function partsOf(title: ts.Expression): readonly string[] {
  if (ts.isStringLiteralLike(title)) return [title.text]
  if (!ts.isTemplateExpression(title)) return []
  return [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)]
}
