/** A time in Go's default layout, in UTC: `2015-01-23 13:34:56.093 +0000 UTC`. */
export function formatTime(unixMs: number): string {
  return layoutTime(unixMs, '2006-01-02 15:04:05.999 -0700 MST');
}

/** Go's Time.Format, in UTC: the layout shows how 15:04:05 on Monday, 2 January 2006 would be written. */
export function layoutTime(unixMs: number, layout: string): string {
  const time = new Date(unixMs);
  return layout.replace(ELEMENT, (element) => {
    const shown = elements.get(element);
    if (shown !== undefined) return shown(time);
    return fraction(time, element);
  });
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const elements = new Map<string, (time: Date) => string>([
  ['January', (time) => name(MONTHS, time.getUTCMonth())],
  ['Jan', (time) => name(MONTHS, time.getUTCMonth()).slice(0, 3)],
  ['Monday', (time) => name(DAYS, time.getUTCDay())],
  ['Mon', (time) => name(DAYS, time.getUTCDay()).slice(0, 3)],
  ['MST', () => 'UTC'],
  ['2006', (time) => String(time.getUTCFullYear()).padStart(4, '0')],
  ['06', (time) => two(time.getUTCFullYear() % 100)],
  ['01', (time) => two(time.getUTCMonth() + 1)],
  ['1', (time) => String(time.getUTCMonth() + 1)],
  ['02', (time) => two(time.getUTCDate())],
  ['_2', (time) => String(time.getUTCDate()).padStart(2)],
  ['2', (time) => String(time.getUTCDate())],
  ['002', (time) => String(dayOfYear(time)).padStart(3, '0')],
  ['15', (time) => two(time.getUTCHours())],
  ['03', (time) => two(time.getUTCHours() % 12 || 12)],
  ['3', (time) => String(time.getUTCHours() % 12 || 12)],
  ['04', (time) => two(time.getUTCMinutes())],
  ['4', (time) => String(time.getUTCMinutes())],
  ['05', (time) => two(time.getUTCSeconds())],
  ['5', (time) => String(time.getUTCSeconds())],
  ['PM', (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM')],
  ['pm', (time) => (time.getUTCHours() < 12 ? 'am' : 'pm')],
  ['-0700', () => '+0000'],
  ['-07:00', () => '+00:00'],
  ['-07', () => '+00'],
  ['Z0700', () => 'Z'],
  ['Z07:00', () => 'Z'],
]);

/** The longest first, as Go reads them. */
const ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|-07:00|-0700|-07|Z07:00|Z0700|2006|002|[.,](?:0+|9+)(?![0-9])|01|02|03|04|05|06|_2|15|1|2|3|4|5|PM|pm/g;

/** `.000` shows that many digits, `.999` drops trailing zeros. A Time has milliseconds. */
function fraction(time: Date, element: string): string {
  const digits = String(time.getUTCMilliseconds())
    .padStart(3, '0')
    .padEnd(element.length - 1, '0');
  const cut = digits.slice(0, element.length - 1);
  if (element[1] === '0') return element[0] + cut;
  const short = cut.replace(/0+$/, '');
  return short === '' ? '' : element[0] + short;
}

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function name(names: readonly string[], index: number): string {
  return names[index] ?? '';
}
