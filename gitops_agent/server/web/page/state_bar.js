// How many Applications are in which state, as one bar. The numbers stand beside it.

import { html } from "./html.js";

export function StateBar({ counts, total }) {
  let before = 0;
  return html`<svg class="state-bar" aria-hidden="true" viewBox="0 0 100 4" preserveAspectRatio="none">
    ${counts.map(([shape, count]) => {
      const width = total ? (count / total) * 100 : 0;
      const start = before;
      before += width;
      return width > 0 && html`<rect key=${shape} class=${`fill-${shape}`} x=${start} y="0" width=${Math.max(width, 0.6)}
          height="4" />`;
    })}
  </svg>`;
}
