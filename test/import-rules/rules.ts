import type { ICruiseOptions, IFlattenedRuleSet } from 'dependency-cruiser'

/**
 * Who may know whom: the rules of ARCHITECTURE.md, section "Codemap". `node test/import-rules/check.ts` runs them, and fails
 * when fewer modules were read than git lists, because a tool that reads nothing finds nothing.
 */
const outside = '^src/(telegram|kie|storage|leadership|http|keeper)/'
const pure = '^src/(money|catalog|orders|losses|conversation|people)/'
const stages = ['intake', 'inbox', 'dispatch', 'generation', 'delivery'] as const
const tests = '[.]test[.]ts$'
/** The step of the orders and of their losses: it alone of the pure folders knows the store, and no pure code knows it. */
const orderStep = '^src/(orders/record-observation|losses/record-loss)[.]ts$'

/** A stage may import these stages and no other. */
const knows: Readonly<Record<(typeof stages)[number], readonly string[]>> = {
  intake: ['inbox'],
  inbox: [],
  dispatch: ['inbox'],
  generation: [],
  delivery: [],
}

type ForbiddenRule = NonNullable<IFlattenedRuleSet['forbidden']>[number]

export const ruleSet: IFlattenedRuleSet = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'kit-knows-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/kit/' },
      to: { path: '^(src|sandbox|web|test|bench)/', pathNot: '^src/kit/' },
    },
    {
      name: 'config-and-telemetry-know-only-kit',
      severity: 'error',
      from: { path: '^src/(config|telemetry)/', pathNot: tests },
      to: { path: '^src/', pathNot: '^src/(kit|config|telemetry)/' },
    },
    {
      // Its file says why.
      name: 'the-http-of-node-is-taken-from-kit',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: '^(node:)?http$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-code-has-no-io',
      severity: 'error',
      from: { path: pure, pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-code-knows-only-pure-code',
      severity: 'error',
      from: { path: pure, pathNot: [tests, orderStep] },
      to: {
        path: '^src/',
        pathNot:
          '^src/(kit|money|catalog|orders(?!/record-observation[.])|losses(?!/record-loss[.])|conversation|people)/',
      },
    },
    {
      name: 'the-step-of-the-orders-knows-only-the-store-and-the-facts',
      severity: 'error',
      from: { path: orderStep },
      to: {
        path: '^src/',
        pathNot: '^src/(kit|money|orders|losses|telemetry)/|^src/(store|permit|errands/errand)[.]ts$',
      },
    },
    arrow('money', ['catalog', 'orders', 'conversation']),
    arrow('catalog', ['orders', 'conversation']),
    arrow('orders', ['conversation']),
    {
      name: 'gateways-never-import-each-other',
      severity: 'error',
      from: { path: '^src/(telegram|kie|storage|leadership|http)/', pathNot: tests },
      to: { path: outside, pathNot: '^src/$1/' },
    },
    {
      name: 'nobody-inside-knows-the-outside',
      severity: 'error',
      from: { path: '^src/', pathNot: [outside, '^src/(service|ports|main|commands)', tests] },
      to: { path: outside },
    },
    ...stages.map(
      (stage): ForbiddenRule => ({
        name: `stages-do-not-call-stages-${stage}`,
        severity: 'error',
        from: { path: `^src/${stage}/`, pathNot: tests },
        to: {
          path: `^src/(${stages.filter((each) => each !== stage && !knows[stage].includes(each)).join('|')})/`,
          dependencyTypesNot: ['type-only'],
        },
      }),
    ),
    {
      name: 'the-parts-of-the-map-are-put-together-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/service(/|[.]ts$)', '^src/commands/', tests] },
      to: { path: '^src/service(/|[.]ts$)' },
    },
    {
      name: 'the-service-does-not-know-the-sandbox',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { path: '^(sandbox|web|test|bench)/' },
    },
    {
      name: 'nothing-shipped-needs-a-dev-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    { name: 'every-import-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
}

export const options: ICruiseOptions = {
  doNotFollow: { path: 'node_modules' },
  tsPreCompilationDeps: true,
  tsConfig: { fileName: 'tsconfig.json' },
  enhancedResolveOptions: {
    extensions: ['.ts', '.tsx', '.js', '.mjs', '.d.ts'],
    exportsFields: ['exports'],
    conditionNames: ['types', 'import', 'node', 'default'],
  },
}

function arrow(from: string, never: readonly string[]): ForbiddenRule {
  return {
    name: `arrows-follow-money-catalog-orders-conversation-${from}`,
    severity: 'error',
    from: { path: `^src/${from}/`, pathNot: tests },
    to: { path: `^src/(${never.join('|')})/` },
  }
}
