/** A type that is structurally `T` and yet not assignable from a plain `T`: made only where the value is checked. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name }
