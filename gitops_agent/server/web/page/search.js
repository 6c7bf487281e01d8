// The search box: words and tokens, such as `ready:no ns:pay -label:team=web commit:3f2`. All of them have to hold.

const TOKEN = /(-?)(?:([a-z]+):)?("[^"]*"|\S+)/g;

const YES = { yes: "True", no: "False", true: "True", false: "False", unknown: "Unknown" };

const TESTS = {
  ns: (row, value) => row.ns.includes(value),
  name: (row, value) => row.name.includes(value),
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

/** What words are looked for in; made once for a row. */
export function searchText({ key, message, subject, author }) {
  return `${key}\n${message}\n${subject}\n${author}`.toLowerCase();
}

// A longer value of these holds for fewer rows.
const GROWING = new Set(["", "ns", "name", "reason", "commit", "author"]);

/** The tokens of a query: `{text, key, value, not, test}`. */
function tokens(query) {
  return [...query.matchAll(TOKEN)].map(([text, minus, name, raw]) => {
    const key = TESTS[name] ? name : "";
    const bare = raw.replaceAll('"', "").toLowerCase();
    const value = key || !name ? bare : `${name}:${bare}`;
    const not = minus !== "";
    const holds = key ? (row) => TESTS[key](row, value) : (row) => row.text.includes(value);
    return { text, key, value, not, test: not ? (row) => !holds(row) : holds };
  });
}

// Whether a query can only hold for rows for which the one before holds: it has more tokens, or its last one grew.
function narrows(before, after) {
  return before.length > 0 && before.every((each, index) => {
    const next = after[index];
    const grew = index === before.length - 1 && next && each.key === next.key && GROWING.has(each.key) && !each.not && !next.not && next.value.startsWith(each.value);
    return next && (each.text === next.text || grew);
  });
}

let last = { rows: null, tokens: [], result: [] };

/** The rows for which all tokens hold, in their order. Typing looks only at what matched before, while the rows are the same. */
export function matching(rows, query) {
  const all = tokens(query);
  if (all.length === 0) {
    return rows;
  }
  const from = last.rows === rows && narrows(last.tokens, all) ? last.result : rows;
  const result = from.filter((row) => all.every(({ test }) => test(row)));
  last = { rows, tokens: all, result };
  return result;
}

/** The token without which the most rows would match, and how many those are. */
export function strictest(rows, query) {
  const all = tokens(query);
  let best = null;
  for (const token of all) {
    const others = all.filter((each) => each !== token);
    let count = 0;
    for (const row of rows) {
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
