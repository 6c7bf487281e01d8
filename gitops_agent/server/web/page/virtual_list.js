// Lists of any length: only what is near the screen is in the document. Lines have one height, so a position is a product. The
// page itself scrolls, which keeps the behaviour of phones and of the search in the page.

import { useLayoutEffect, useRef, useState } from "../vendor/hooks.js";
import { signal } from "../vendor/signals.js";
import { html } from "./html.js";

const MARGIN = 12;
const narrowScreen = matchMedia("(max-width: 720px)");

/** Whether the screen is a phone's. */
export const narrow = signal(narrowScreen.matches);
narrowScreen.addEventListener("change", (event) => {
  narrow.value = event.matches;
});

/** `line(item, index)` makes the element of a line; it has to be `height` pixels high. */
export function VirtualList({ items, height, line, ...attributes }) {
  const box = useRef(null);
  const [range, setRange] = useState([0, 60]);
  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const top = -box.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / height) - MARGIN);
      const last = Math.ceil((top + innerHeight) / height) + MARGIN;
      setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
    };
    const soon = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, [height, items.length]);
  const first = Math.max(0, Math.min(range[0], items.length - 1));
  const shown = items.slice(first, Math.max(range[1], first));
  return html`<div ref=${box} class="virtual" style=${{ height: `${items.length * height}px` }} ...${attributes}>
    <div class="virtual-window" role="presentation" style=${{ transform: `translateY(${first * height}px)` }}>
      ${shown.map((item, index) => line(item, first + index))}
    </div>
  </div>`;
}

/** Brings a line of a list to the screen. */
export function reveal(box, index, height) {
  const top = box.getBoundingClientRect().top + index * height;
  const head = 120;
  if (top < head) {
    scrollBy({ top: top - head });
  } else if (top + height > innerHeight - height) {
    scrollBy({ top: top + 2 * height - innerHeight });
  }
}
