// The words of the first screen in English; those of the others come with them. Codes, names and messages come from the server
// and stay as they are, so that they can be searched for. Other languages are tables with all keys, loaded when they are chosen.

import { effect, signal } from "../vendor/signals.js";
import { language } from "./settings.js";

const ENGLISH = {
  "action.rule": "This RBAC rule would allow it:",
  "banner.lost": "No connection for {span}; trying again.",
  "banner.restarted": "The agent was restarted; loading everything again.",
  "banner.shown": "Shown as of {time}.",
  "banner.signedOut": "You are signed out.",
  "cannotSee.title": "Cannot be seen",
  "commit.by": "by {author}",
  "copy.done": "Copied: {text}",
  "copy.failed": "The browser does not let the page copy.",
  "copy.name": "Copy {name}",
  "group.attention": "urgency",
  "group.commit": "commit",
  "group.is.inMotion": "In motion",
  "group.is.needsYou": "Needs you",
  "group.is.paused": "Paused",
  "group.is.ready": "Ready",
  "group.namespace": "namespace",
  "group.noCommit": "no commit yet",
  "group.none": "none",
  "help.title": "Keyboard",
  "language.de": "Deutsch",
  "language.en": "English",
  "link.outside": "(opens in a new tab)",
  "live.connecting": "connecting",
  "live.live": "live",
  "live.lost": "stale",
  "live.refused": "refused",
  "live.signed-out": "signed out",
  loading: "Loading…",
  "nav.agent": "Agent",
  "nav.drift": "Drift",
  "nav.held": "Held",
  "nav.overview": "Applications",
  "nav.rollouts": "Rollouts",
  "nowhere.title": "There is no such page.",
  "overview.all": "Show all {count}",
  "overview.applications": "Applications",
  "overview.count": "{count} application|{count} applications",
  "overview.filtered": "{count} of {total} applications",
  "overview.group": "Group",
  "overview.lately": "Lately",
  "overview.noMatch": "No application matches {query}.",
  "overview.partial": "first {count} of {total}",
  "overview.review": "review plan {plan}",
  "overview.sort": "Sort",
  "overview.states": "States of the applications",
  "overview.title": "Applications",
  "overview.without": "Without {token}: {count} matches|Without {token}: {count} match",
  "refusal.retry": "Try again",
  "refusal.title": "This cannot be shown",
  "scheme.dark": "dark",
  "scheme.light": "light",
  "scheme.system": "as the system",
  "search.label": "Search applications",
  "search.placeholder": "ready:no ns:pay commit:3f2…",
  "share.button": "Share",
  "shell.language": "Language",
  "shell.scheme": "Colours: {scheme}",
  "shell.sections": "Sections",
  "shell.skip": "Skip to the content",
  "signIn.button": "Sign in",
  "sort.name": "name",
  "sort.newest": "newest change",
  "sort.worst": "worst first",
  "state.Degraded": "Degraded",
  "state.Healthy": "Healthy",
  "state.Held": "Held",
  "state.Missing": "Missing",
  "state.Paused": "Paused",
  "state.Progressing": "Progressing",
  "state.Suspended": "Suspended",
  "state.Terminating": "Terminating",
  "state.Unknown": "Unknown",
  "time.ago": "{span} ago",
  "time.due": "now",
  "time.in": "in {span}",
  "viewer.expires": "Session until",
  "viewer.groups": "Groups:",
  "viewer.nothing": "read only",
  "viewer.signOut": "Sign out",
};

const PLACE = /\{(\w+)\}/g;
const LOAD = { de: () => import("./german.js") };

const table = signal(ENGLISH);

/** Takes the English words of further screens. */
export function addWords(words) {
  Object.assign(ENGLISH, words);
}

/** Follows the chosen language; the promise is kept when the first one is there. */
export function startWords() {
  let first;
  effect(() => {
    const wanted = language.value;
    const load = LOAD[wanted] ? LOAD[wanted]().then((module) => module.default.WORDS) : Promise.resolve(ENGLISH);
    const taken = load.then((words) => {
      if (wanted === language.peek()) {
        table.value = words;
      }
    });
    first ??= taken;
  });
  return first;
}

/** The text of a key in the viewer's language, with values in their places; `one|many` is chosen by the value `count`. */
export function t(key, values) {
  const [one, many] = (table.value[key] ?? key).split("|");
  if (!values) {
    return one;
  }
  const text = many === undefined || values.count === 1 ? one : many;
  return text.replace(PLACE, (_, name) => (typeof values[name] === "number" ? number(values[name]) : (values[name] ?? "")));
}

export function number(value) {
  return new Intl.NumberFormat(language.value).format(value);
}
