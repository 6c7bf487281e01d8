// The rows of all Applications. The first hundred, worst first, are the first paint; the rest follows in chunks, and from then on
// search, groups and order are computed here. Rows of the stream replace rows by key, so nothing on the screen jumps that did
// not change.

import { signal } from "../vendor/signals.js";
import { request } from "./api.js";
import { serverTime } from "./clock.js";
import { searchText } from "./search.js";

const FIRST = 100;
const CHUNK = 2000;

const rows = new Map();
let frame = 0;

/** Counts the changes of the rows; what computes from them reads it. */
export const revision = signal(0);
/** `empty` before the first answer, `partial` while chunks are missing, then `complete`. */
export const loaded = signal("empty");
export const total = signal(0);
export const problem = signal(null);
/** When the rows were last in step with the server. */
export const asOf = signal("");

let columns = [];
let loading = null;

/** The rows by key. It is always the same Map, so each component that shows them has to call this itself. */
export function allRows() {
  return revision.value >= 0 ? rows : null;
}

export function keyOf(ns, name) {
  return `${ns}/${name}`;
}

/** Loads everything, and again after a reset: known rows stay until the new ones are there. */
export function loadApplications() {
  loading ??= load().finally(() => {
    loading = null;
  });
  return loading;
}

async function load() {
  const seen = new Set();
  let token = "";
  let limit = FIRST;
  try {
    do {
      const more = token ? `&continue=${encodeURIComponent(token)}` : "";
      const page = await request(`/applications?sort=worst&limit=${limit}${more}`);
      columns = page.columns;
      total.value = page.total;
      serverTime(page.asOf);
      put(page.rows, seen);
      asOf.value = page.asOf;
      token = page.continue;
      limit = CHUNK;
      if (token && loaded.value === "empty") {
        loaded.value = "partial";
      }
    } while (token);
    for (const key of rows.keys()) {
      if (!seen.has(key)) {
        rows.delete(key);
      }
    }
    loaded.value = "complete";
    problem.value = null;
  } catch (error) {
    problem.value = error;
  }
  announce();
}

/** Takes rows of the stream; `names` are the columns, when the stream has named them. */
export function put(arrays, seen = null, names = columns) {
  for (const array of arrays) {
    const row = {};
    for (let index = 0; index < names.length; index++) {
      row[names[index]] = array[index];
    }
    row.key = keyOf(row.ns, row.name);
    row.changed = Date.parse(row.changedAt) || 0;
    row.text = searchText(row);
    rows.set(row.key, row);
    seen?.add(row.key);
  }
  announce();
}

export function remove(keys) {
  for (const key of keys) {
    rows.delete(key);
  }
  announce();
}

// Many events in a frame are one change of the screen. A hidden tab gets no frames; it is brought up to date when it is shown.
function announce() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    revision.value++;
  });
}
