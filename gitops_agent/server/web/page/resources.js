// Answers of the API by path, shared by all that show them. An answer stays on the screen while it is asked for anew, and when
// that fails: then the refusal is shown beside it.

import { signal } from "../vendor/signals.js";
import { useEffect } from "../vendor/hooks.js";
import { request } from "./api.js";

const KEPT = 60;
const resources = new Map();

function resource(path) {
  let entry = resources.get(path);
  if (!entry) {
    entry = { path, state: signal({ data: null, refusal: null, pending: false }), users: 0, asked: 0, again: false };
    resources.set(path, entry);
    forgetOldest();
  }
  return entry;
}

function forgetOldest() {
  for (const [path, entry] of resources) {
    if (resources.size <= KEPT) {
      return;
    }
    if (entry.users === 0) {
      resources.delete(path);
    }
  }
}

async function ask(entry) {
  if (entry.state.peek().pending) {
    entry.again = true;
    return;
  }
  entry.state.value = { ...entry.state.peek(), pending: true };
  try {
    const data = await request(entry.path);
    entry.state.value = { data, refusal: null, pending: false };
  } catch (refusal) {
    entry.state.value = { ...entry.state.peek(), refusal, pending: false };
  }
  if (entry.again) {
    entry.again = false;
    ask(entry);
  }
}

/** The answer of a path: `{data, refusal, pending, again}`. An empty path asks nothing. */
export function useResource(path) {
  const entry = resource(path);
  useEffect(() => {
    entry.users++;
    if (path) {
      ask(entry);
    }
    return () => {
      entry.users--;
    };
  }, [path]);
  return { ...entry.state.value, again: () => ask(entry) };
}

/** Asks anew for what is on the screen; the rest is forgotten and asked for when it is shown. */
export function refresh(matches = () => true) {
  for (const [path, entry] of resources) {
    if (path && matches(path)) {
      if (entry.users > 0) {
        ask(entry);
      } else {
        resources.delete(path);
      }
    }
  }
}
