// What is shown in place of an answer: that it is awaited, or why there is none. Rows of the table of reasons come with the
// next step, so an error is never the end.

import { html } from "./html.js";
import { Block } from "./copyable.js";
import { Prose } from "./prose.js";
import { t } from "./words.js";

export function Waiting({ lines = 6 }) {
  return html`<div class="skeleton" role="status">
    <span class="sr-only">${t("loading")}</span>
    ${Array.from({ length: lines }, (_, index) => html`<div key=${index} class=${`skeleton-line skeleton-line-${index % 4}`}>
      </div>`)}
  </div>`;
}

export function RefusalView({ refusal, retry }) {
  const { problem, status } = refusal;
  return html`<div class="notice notice-failed" role="alert">
    <p class="notice-title">${problem.title || t("refusal.title")} <code class="reason">${problem.reason}</code></p>
    ${problem.detail && problem.detail !== problem.title && html`<p><${Prose} text=${problem.detail} /></p>`}
    ${problem.remedy && html`<p class="muted"><${Prose} text=${problem.remedy} /></p>`}
    ${problem.rule && html`<${Block} text=${problem.rule} name=${t("action.rule")} />`}
    ${retry && status !== 403 && status !== 404 && html`<button type="button" class="button"
        onClick=${retry}>${t("refusal.retry")}</button>`}
  </div>`;
}

/** The answer of a resource once it is there; a refusal stands above the last one. */
export function Answer({ resource, children, lines }) {
  const { data, refusal, again } = resource;
  if (data === null) {
    return refusal ? html`<${RefusalView} refusal=${refusal} retry=${again} />` : html`<${Waiting} lines=${lines} />`;
  }
  return html`${refusal && html`<${RefusalView} refusal=${refusal} retry=${again} />`}${children(data)}`;
}

/** Kinds that could not be read: never the same as nothing. */
export function CannotSee({ kinds }) {
  return kinds.length > 0 && html`<div class="notice notice-held">
    <p class="notice-title">${t("cannotSee.title")}</p>
    <ul class="plain">${kinds.map(({ kind, why }) => html`<li key=${kind}><code>${kind}</code> <span class="muted">${why}</span>
      </li>`)}</ul>
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}
