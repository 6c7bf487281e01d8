// Addresses: every state of the page that can be shown to another person is in its URL. Paths name the screen, the query holds
// filters, grouping and the sides of a diff.

import { computed, signal } from "../vendor/signals.js";

const ROUTES = [
  ["overview", /^\/$/, []],
  ["held", /^\/held$/, []],
  ["rollouts", /^\/r$/, []],
  ["rollout", /^\/r\/([^/]+)\/([^/]+)$/, ["ns", "name"]],
  ["drift", /^\/drift$/, []],
  ["agent", /^\/agent$/, []],
  ["plan", /^\/a\/([^/]+)\/([^/]+)\/plan\/([0-9a-f]+)$/, ["ns", "name", "hash"]],
  ["shared", /^\/s\/([^/]+)(?:\/(a|r)\/([^/]+)\/([^/]+))?$/, ["link", "kind", "ns", "name"]],
  ["application", /^\/a\/([^/]+)\/([^/]+)(?:\/([a-z]+))?$/, ["ns", "name", "tab"]],
];

const location_ = signal(read());

function read() {
  return { path: location.pathname, query: location.search };
}

export const route = computed(() => {
  const { path, query } = location_.value;
  const parameters = Object.fromEntries(new URLSearchParams(query));
  for (const [screen, pattern, names] of ROUTES) {
    const match = pattern.exec(path);
    if (match) {
      const parts = names.map((name, index) => [name, decode(match[index + 1] ?? "")]);
      return { screen, path, query: parameters, ...Object.fromEntries(parts) };
    }
  }
  return { screen: "nowhere", path, query: parameters };
});

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  const before = location_.value.path;
  location_.value = read();
  if (location_.value.path !== before) {
    scrollTo(0, 0);
  }
}

/** Changes values of the query; empty ones leave it. */
export function setQuery(changes, { replace = true } = {}) {
  const query = new URLSearchParams(location_.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) {
      query.set(name, value);
    } else {
      query.delete(name);
    }
  }
  const text = query.toString();
  go(location_.value.path + (text ? `?${text}` : ""), { replace });
}

export const to = {
  overview: (query) => (query ? `/?q=${encodeURIComponent(query)}` : "/"),
  application: (ns, name, tab = "") => `/a/${encode(ns)}/${encode(name)}${tab && `/${tab}`}`,
  plan: (ns, name, hash) => `/a/${encode(ns)}/${encode(name)}/plan/${encode(hash)}`,
  diff: (ns, name, from, target) => `/a/${encode(ns)}/${encode(name)}/diff?from=${encode(from)}&to=${encode(target)}`,
  rollout: (ns, name) => `/r/${encode(ns)}/${encode(name)}`,
};

function encode(part) {
  return encodeURIComponent(part);
}

/** Follows links of the page without loading it again. */
export function startRouter() {
  addEventListener("popstate", () => {
    location_.value = read();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.origin !== location.origin) {
      return;
    }
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
