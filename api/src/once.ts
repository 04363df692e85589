/** Makes a value on the first call and hands out the same one ever after. */
export function once<R>(make: () => R): () => R {
  let made: { value: R } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
