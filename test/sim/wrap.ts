/** Puts a method of a class in another's hands, for this thread; calling the answer undoes it. */
export function wrap<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = prototype[name];
  if (typeof original !== 'function') throw new Error(`there is no method ${String(name)} to wrap`);
  prototype[name] = make(original);
  return () => {
    prototype[name] = original;
  };
}
