// A commit: its digits, first line and author. It links to the Git host where that address is known and is http or https.

import { html } from "./html.js";
import { Icon } from "./icon.js";
import { personName } from "./prose.js";
import { t } from "./words.js";

const DIGITS = 7;

/** An address from a manifest or a setting, if a browser may be sent there; else nothing. */
export function outside(address) {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}

export function Outside({ address, children }) {
  const href = outside(address);
  return href ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${children}<${Icon} name="external" />
    <span class="sr-only">${t("link.outside")}</span></a>` : children;
}

export function shortHash(hash) {
  return hash.slice(0, DIGITS);
}

export function Commit({ commit, subject = true, author = true }) {
  if (!commit?.short) {
    return null;
  }
  const digits = html`<code title=${commit.revision || commit.short}>${shortHash(commit.short)}</code>`;
  return html`<span class="commit">
    <${Outside} address=${commit.link}>${digits}<//>
    ${subject && commit.subject && html` <q class="commit-subject">${commit.subject}</q>`}
    ${author && commit.author && html` <span class="muted"
        title=${commit.author}>${t("commit.by", { author: personName(commit.author) })}</span>`}
  </span>`;
}
