// Drawings of the one sprite. They say nothing by themselves: a text stands beside each, or its control has a name.

import { html } from "./html.js";

const sprite = `${document.body.dataset.assets}/icons.svg`;

export function Icon({ name }) {
  return html`<svg class="icon" aria-hidden="true" width="16" height="16"><use href=${`${sprite}#${name}`} /></svg>`;
}
