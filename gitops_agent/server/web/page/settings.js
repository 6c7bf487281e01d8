// What a viewer chose for this browser: language, colour scheme, layout of diffs. Kept in localStorage, where there is one.

import { effect, signal } from "../vendor/signals.js";

const PREFIX = "gitops-agent.";

export function setting(name, fallback, allowed) {
  let stored = null;
  try {
    stored = localStorage.getItem(PREFIX + name);
  } catch {
    // Storage can be switched off; the choice then lasts as long as the page.
  }
  const value = signal(allowed.includes(stored) ? stored : fallback);
  effect(() => {
    const current = value.value;
    try {
      localStorage.setItem(PREFIX + name, current);
    } catch {
      // As above.
    }
  });
  return value;
}

export const LANGUAGES = ["en", "de"];
const preferred = navigator.language.slice(0, 2);

export const language = setting("language", LANGUAGES.includes(preferred) ? preferred : "en", LANGUAGES);
export const scheme = setting("scheme", "system", ["system", "light", "dark"]);
export const diffLayout = setting("diff", "unified", ["unified", "split"]);

export function applySettings() {
  effect(() => {
    document.documentElement.lang = language.value;
  });
  effect(() => {
    document.documentElement.dataset.scheme = scheme.value;
  });
}
