// The first line of a screen about one object: the way back, the name, and what else stands there. It is there before the
// answer, and stays where there is none.

import { html } from "./html.js";
import { Icon } from "./icon.js";

export function HeadLine({ ns, name, back, label, children }) {
  return html`<div class="head-line">
    <a class="back" href=${back} aria-label=${label}><${Icon} name="back" /></a>
    <h1><span class="muted">${ns}/</span>${name}</h1>
    ${children}
  </div>`;
}
