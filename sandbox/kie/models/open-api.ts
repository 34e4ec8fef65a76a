/** The inputs of a model as the OpenAPI document that KIE's schema endpoint gives. */
import type { InputField, Model } from './catalogue.ts'

export function schemaOf(model: Model) {
  const body = {
    type: 'object',
    required: ['model', 'input'],
    properties: {
      model: { type: 'string', enum: [model.id], default: model.id },
      callBackUrl: { type: 'string', format: 'uri' },
      input: objectOf(model.inputs),
    },
  }
  return {
    openapi: '3.1.0',
    info: { title: model.title, version: '1.0.0' },
    servers: [{ url: 'https://api.kie.ai' }],
    paths: {
      '/api/v1/jobs/createTask': {
        post: { requestBody: { required: true, content: { 'application/json': { schema: body } } } },
      },
    },
  }
}

const objectOf = (fields: readonly InputField[]): object => ({
  type: 'object',
  required: fields.filter((field) => field.required === true).map((field) => field.name),
  properties: Object.fromEntries(fields.map((field) => [field.name, propertyOf(field)])),
})

function propertyOf(field: InputField): object {
  const limits = dropAbsent({
    default: field.default,
    minItems: field.minItems,
    maxItems: field.maxItems,
    deprecated: field.deprecated,
  })
  const { type } = field
  if (type === undefined) return limits
  if (type === 'array') return { type: 'array', ...limits }
  if (type.endsWith('[]')) return { type: 'array', items: single(field, type.slice(0, -2)), ...limits }
  if (type.endsWith('_urls')) return { type: 'array', items: single(field, 'url'), ...limits }
  return { ...single(field, type), ...limits }
}

function single(field: InputField, type: string): object {
  const { min: minimum, max: maximum, minLength, maxLength } = field
  switch (type) {
    case 'enum':
      return { type: typeof field.enum?.[0] === 'number' ? 'number' : 'string', enum: field.enum }
    case 'string':
      return dropAbsent({ type, minLength, maxLength })
    case 'integer':
    case 'number':
      return dropAbsent({ type, minimum, maximum })
    case 'boolean':
      return { type }
    case 'object':
      return objectOf(field.fields ?? [])
    default:
      return { type: 'string', format: 'uri' }
  }
}

const dropAbsent = (values: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
