// The search box: words and tokens, such as `ready:no ns:pay -label:team=web commit:3f2`. All of them have to hold.

const TOKEN = /(-?)(?:([a-z]+):)?("[^"]*"|\S+)/g;

const YES = { yes: "True", no: "False", true: "True", false: "False", unknown: "Unknown" };

const TESTS = {
  ns: (row, value) => row.ns.includes(value),
  name: (row, value) => row.name.toLowerCase().includes(value),
  ready: (row, value) => row.ready.toLowerCase() === (YES[value] ?? value).toLowerCase(),
  state: (row, value) => value.split(",").some((each) => row.state.toLowerCase() === each),
  is: (row, value) => IS[value]?.(row) ?? row.state.toLowerCase() === value,
  reason: (row, value) => row.reason.toLowerCase().startsWith(value),
  sync: (row, value) => row.sync.toLowerCase() === value,
  health: (row, value) => row.health.toLowerCase() === value,
  commit: (row, value) => row.seen.startsWith(value) || row.applied.startsWith(value),
  author: (row, value) => row.author.toLowerCase().includes(value),
  label: (row, value) => labelled(row.labels, value),
};

const IS = {
  held: (row) => row.held !== "",
  paused: (row) => row.paused !== null,
  rollout: (row) => row.rollout !== null,
  drifted: (row) => row.counts[1] > 0,
};

/** The names before the colon. */
export const KEYS = Object.keys(TESTS);

function labelled(labels, value) {
  const [key, wanted] = value.split("=");
  return Object.entries(labels ?? {}).some(([each, text]) => each.toLowerCase() === key && (wanted === undefined || text.toLowerCase() === wanted));
}

function anywhere(row, word) {
  return (
    row.key.toLowerCase().includes(word) ||
    row.message.toLowerCase().includes(word) ||
    row.subject.toLowerCase().includes(word) ||
    row.author.toLowerCase().includes(word)
  );
}

/** The tokens of a query: `{text, test}`. */
export function tokens(query) {
  return [...query.matchAll(TOKEN)].map(([text, not, key, raw]) => {
    const value = raw.replaceAll('"', "").toLowerCase();
    const known = key && TESTS[key];
    const holds = known ? (row) => known(row, value) : (row) => anywhere(row, key ? `${key}:${value}` : value);
    return { text, test: not ? (row) => !holds(row) : holds };
  });
}

export function matching(rows, query) {
  const tests = tokens(query).map(({ test }) => test);
  const result = [];
  for (const row of rows.values()) {
    if (tests.every((test) => test(row))) {
      result.push(row);
    }
  }
  return result;
}

/** The token without which the most rows would match, and how many those are. */
export function strictest(rows, query) {
  const all = tokens(query);
  let best = null;
  for (const token of all) {
    const others = all.filter((each) => each !== token);
    let count = 0;
    for (const row of rows.values()) {
      count += others.every(({ test }) => test(row)) ? 1 : 0;
    }
    if (!best || count > best.count) {
      best = { text: token.text, count };
    }
  }
  return best;
}

/** The query with a token added, or without it where it was there. */
export function toggled(query, token) {
  const parts = tokens(query).map(({ text }) => text);
  return (parts.includes(token) ? parts.filter((each) => each !== token) : [...parts, token]).join(" ");
}
