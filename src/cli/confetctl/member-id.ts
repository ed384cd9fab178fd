/** A member's ID in hex, as etcdctl reads it. Throws the sentence of `fail`, given why it isn't one. */
export function memberIdOf(text: string, fail: (why: string) => Error): bigint {
  const quoted = JSON.stringify(text);
  if (!/^[0-9a-f]+$/i.test(text)) throw fail(`strconv.ParseUint: parsing ${quoted}: invalid syntax`);
  const id = BigInt(`0x${text}`);
  if (id !== BigInt.asUintN(64, id)) throw fail(`strconv.ParseUint: parsing ${quoted}: value out of range`);
  return id;
}
