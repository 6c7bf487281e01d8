// The keys and the tokens of the search, in a dialog.

import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { KEYS } from "./search.js";
import { t } from "./words.js";

const HELP = [
  ["/", "help.search"],
  ["j / k", "help.move"],
  ["Enter", "help.open"],
  ["d", "help.plan"],
  ["a", "help.approve"],
  ["u", "help.up"],
  ["[ / ]", "help.tabs"],
  ["← / →", "help.tree"],
  ["g o", "nav.overview"],
  ["g h", "nav.held"],
  ["g r", "nav.rollouts"],
  ["g d", "nav.drift"],
  ["g a", "nav.agent"],
  ["t", "help.scheme"],
  ["?", "help.title"],
];

export function Help({ close }) {
  return html`<${Dialog} title=${t("help.title")} close=${close}>
    <dl class="keys">${HELP.map(([key, text]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${t(text)}</dd>
      </div>`)}</dl>
    <h3>${t("help.tokens")}</h3>
    <p class="tokens">${KEYS.map((each) => html`<code key=${each}>${each}:</code>`)}</p>
    <p class="muted">${t("help.example")} <code>ready:no ns:pay commit:3f2 -label:team=web</code></p>
  <//>`;
}
