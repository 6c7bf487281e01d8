// How to keep what a held plan would delete: changes for Git, to copy. The page writes none of them.

import { Block, Command } from "./copyable.js";
import { html } from "./html.js";
import { t } from "./words.js";

export function Keep({ keep, command }) {
  return keep.length > 0 && html`<details class="keep"><summary class="button">${t("keep.show")}</summary>
    <p>${t("keep.nothing")}</p>
    <ol class="keep-ways">${keep.map(({ way, text }) => html`<li key=${way}>
      <p><b>${t(`keep.${way}`)}</b> ${t(`keep.${way}.means`)}</p>
      <${Block} text=${text.trimEnd()} name=${t(`keep.${way}`)} />
    </li>`)}</ol>
    ${command && html`<p class="muted">${t("keep.approve")}</p><${Command} text=${command} />`}
  </details>`;
}
