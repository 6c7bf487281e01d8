// What surrounds every screen: head, search, state of the connection, help.

import { useSignal } from "../vendor/signals.js";
import { useEffect, useLayoutEffect, useRef } from "../vendor/hooks.js";
import { asOf } from "./applications.js";
import { clockTime, span, now } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { NAVIGATION, useKeys } from "./keys.js";
import { later } from "./later.js";
import { restarted } from "./live.js";
import { Overview } from "./overview.js";
import { Empty } from "./refusal_view.js";
import { go, route, setQuery, to } from "./router.js";
import { me, session, signOut } from "./session.js";
import { LANGUAGES, language, scheme } from "./settings.js";
import { connection } from "./stream.js";
import { Toasts } from "./toast.js";
import { t } from "./words.js";

const SCREENS = {
  overview: Overview,
  application: later("Application"),
  plan: later("HeldPlan"),
  rollout: later("Rollout"),
  rollouts: later("Rollouts"),
  held: later("Held"),
  drift: later("Drift"),
  agent: later("Agent"),
  nowhere: Nowhere,
};

const Help = later("Help");

const SECTIONS = [
  ["overview", "/"],
  ["held", "/held"],
  ["rollouts", "/r"],
  ["drift", "/drift"],
  ["agent", "/agent"],
];

const SECTION_OF = { application: "overview", plan: "held", rollout: "rollouts" };
const SCHEMES = ["system", "light", "dark"];

export function Shell() {
  const help = useSignal(false);
  const search = useRef(null);
  const nextScheme = () => (scheme.value = SCHEMES[(SCHEMES.indexOf(scheme.value) + 1) % SCHEMES.length]);
  useKeys({
    ...NAVIGATION,
    "?": () => (help.value = true),
    "/": () => search.current?.focus(),
    t: nextScheme,
  });
  const { screen, path } = route.value;
  useTitle(route.value);
  const Screen = SCREENS[screen];
  return html`
    <a class="skip" href="#main">${t("shell.skip")}</a>
    <${Head} search=${search} nextScheme=${nextScheme} help=${() => (help.value = true)}
        section=${SECTION_OF[screen] ?? screen} />
    <${Banner} />
    <main id="main" class=${connection.value.state === "lost" || restarted.value ? "main main-stale" : "main"} tabindex="-1">
      <${Screen} key=${screen === "overview" ? screen : path.split("/").slice(0, 4).join("/")} />
    </main>
    <${Toasts} />
    ${help.value && html`<${Help} close=${() => (help.value = false)} />`}
  `;
}

function useTitle({ screen, ns, name }) {
  const title = name ? `${ns}/${name}` : screen === "nowhere" ? "" : t(`nav.${screen}`);
  useEffect(() => {
    document.title = [title, me.value?.cluster, "gitops-agent"].filter(Boolean).join(" · ");
  }, [title]);
}

function Head({ search, nextScheme, help, section }) {
  const strip = useRef(null);
  // A phone may show a part of the sections: the present one is in it.
  useLayoutEffect(() => {
    strip.current.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [section]);
  return html`<header class="shell-head">
    <a class="brand" href="/"><${Icon} name="logo" />
      <span class="brand-name">gitops-agent</span>${me.value?.cluster && html`<span
          class="cluster">${me.value.cluster.replace(/^https?:\/\//, "")}</span>`}</a>
    <nav ref=${strip} class="sections" aria-label=${t("shell.sections")}>${SECTIONS.map(([each, address]) => html`<a key=${each}
        href=${address} aria-current=${each === section ? "page" : undefined}>${t(`nav.${each}`)}</a>`)}</nav>
    <${Search} box=${search} />
    <div class="shell-end">
      <${Live} />
      <${Viewer} />
      <button type="button" class="button-icon" aria-label=${t("shell.scheme", { scheme: t(`scheme.${scheme.value}`) })}
          title=${t(`scheme.${scheme.value}`)} onClick=${nextScheme}>
        <${Icon} name=${scheme.value} /></button>
      <button type="button" class="button-icon" aria-label=${t("help.title")} title=${t("help.title")}
          onClick=${help}>?</button>
    </div>
  </header>`;
}

// The text is the query of the overview; on other screens Enter goes there.
function Search({ box }) {
  const { screen, query } = route.value;
  const change = (event) => {
    if (screen === "overview") {
      setQuery({ q: event.currentTarget.value });
    }
  };
  const submit = (event) => {
    event.preventDefault();
    if (screen !== "overview") {
      go(to.overview(box.current.value));
    }
    box.current.blur();
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <${Icon} name="search" />
    <input ref=${box} type="search" value=${screen === "overview" ? (query.q ?? "") : ""} placeholder=${t("search.placeholder")}
        aria-label=${t("search.label")} aria-keyshortcuts="/" spellcheck=${false} autocomplete="off" onInput=${change} />
    <kbd aria-hidden="true">/</kbd>
  </form>`;
}

const LIVE = { live: "healthy", connecting: "progressing", lost: "degraded", refused: "degraded", "signed-out": "paused" };

function Live() {
  const { state } = connection.value;
  return html`<span class=${`state live state-${LIVE[state]}`} role="status"><${Icon} name=${LIVE[state]} />
    <span class="state-word">${t(`live.${state}`)}</span></span>`;
}

function Viewer() {
  const viewer = me.value;
  return viewer && html`<details class="menu">
    <summary class="button button-quiet" aria-label=${viewer.user}><span class="viewer-name">${viewer.user}</span>
      <span class="viewer-initial" aria-hidden="true">${viewer.user.slice(0, 1).toUpperCase()}</span></summary>
    <div class="menu-items menu-text">
      <p class="muted">${t("viewer.groups")} ${viewer.groups.join(", ") || "–"}</p>
      ${viewer.rights.map((each) => html`<p key=${each.namespace}>
        <b>${each.namespace}</b> ${each.verbs.join(", ") || t("viewer.nothing")}</p>`)}
      ${viewer.expires && html`<p class="muted">${t("viewer.expires")} ${clockTime(viewer.expires)}</p>`}
      <label class="choice"><span>${t("shell.language")}</span>
        <select value=${language.value}
            onChange=${(event) => (language.value = event.currentTarget.value)}>${LANGUAGES.map((each) => html`<option
            key=${each} value=${each}>${t(`language.${each}`)}</option>`)}</select>
        </label>
      ${(viewer.mode === "token" || viewer.mode === "oidc") && html`<button type="button" class="menu-item"
          onClick=${signOut}>${t("viewer.signOut")}</button>`}
    </div>
  </details>`;
}

// Data that is not live says so, and since when: the page stays readable.
function Banner() {
  const { state, since, why } = connection.value;
  const facts = [why, asOf.value && t("banner.shown", { time: clockTime(asOf.value) })].filter(Boolean);
  const rest = facts.map((each) => html`<span key=${each}>${each}</span>`);
  if (state === "signed-out") {
    const signIn = () => (session.value = { ...session.value, state: "out" });
    return html`<div class="banner" role="alert"><span>${t("banner.signedOut")}</span>${rest}
      <button type="button" class="button" onClick=${signIn}>${t("signIn.button")}</button>
    </div>`;
  }
  if (state === "lost" || state === "refused") {
    const seconds = Math.max(0, (Date.now() - since) / 1000);
    return html`<div class="banner" role="alert"><span>${t("banner.lost", { span: now() && span(seconds) })}</span>${rest}</div>`;
  }
  return restarted.value > 0 && html`<div class="banner" role="status"><span>${t("banner.restarted")}</span>${rest}</div>`;
}

function Nowhere() {
  return html`<${Empty} title=${t("nowhere.title")}><p><a href="/">${t("nav.overview")}</a></p><//>`;
}
