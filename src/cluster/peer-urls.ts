/** etcd's rules, without its unix sockets: a scheme, a host, a port, and nothing after it. */
const PEER_URL = /^https?:\/\/[^/?#@\s]+:\d{1,5}$/;

/** Whether members can reach one of theirs by this text. */
export function isPeerUrl(text: string): boolean {
  return PEER_URL.test(text) && URL.canParse(text);
}

/** Whether both name the same addresses, in whatever order. */
export function samePeerUrls(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join() === [...others].sort().join();
}
