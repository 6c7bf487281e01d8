// Lists of any length: only what is near the screen is in the document. The height of a line is known beforehand, so positions
// are sums. The page itself scrolls, which keeps the behaviour of phones and of the search in the page.

import { useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
import { signal } from "../vendor/signals.js";
import { html } from "./html.js";

const MARGIN = 400;
const HEAD = 120;
const narrowScreen = matchMedia("(max-width: 720px)");

/** Whether the screen is a phone's. */
export const narrow = signal(narrowScreen.matches);
narrowScreen.addEventListener("change", (event) => {
  narrow.value = event.matches;
});

/** Where each line begins, and after the last one where the list ends. */
function offsetsOf(items, height) {
  const offsets = new Float64Array(items.length + 1);
  for (let index = 0; index < items.length; index++) {
    offsets[index + 1] = offsets[index] + height(items[index]);
  }
  return offsets;
}

/** The last line that begins at or above a position. */
function lineAt(offsets, position) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= position) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/** `line(item, index)` makes the element of a line, which is `height(item)` pixels high. */
export function VirtualList({ items, height, line, ...attributes }) {
  const box = useRef(null);
  const [view, setView] = useState([0, 1600]);
  const offsets = useMemo(() => offsetsOf(items, height), [items, height]);
  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const top = -box.current.getBoundingClientRect().top;
      // A step of lines at a time, so that most of scrolling changes nothing in the document.
      const start = Math.max(0, Math.floor((top - MARGIN) / 200) * 200);
      const end = Math.ceil((top + innerHeight + MARGIN) / 200) * 200;
      setView((before) => (before[0] === start && before[1] === end ? before : [start, end]));
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
  }, [items.length]);
  const first = Math.min(lineAt(offsets, view[0]), Math.max(0, items.length - 1));
  const last = lineAt(offsets, Math.max(view[1], view[0])) + 1;
  const elements = useElements(items, line, first, Math.min(last, items.length));
  return html`<div ref=${box} class="virtual" style=${{ height: `${offsets[items.length]}px` }} ...${attributes}>
    <div class="virtual-window" role="presentation" style=${{ transform: `translateY(${offsets[first]}px)` }}>
      ${elements}
    </div>
  </div>`;
}

// Elements of lines that stay on the screen are the same objects as before: while scrolling only new lines are drawn.
function useElements(items, line, first, last) {
  const drawn = useRef({ items: null, line: null, by: new Map() });
  const before = drawn.current.items === items && drawn.current.line === line ? drawn.current.by : new Map();
  const by = new Map();
  for (let index = first; index < last; index++) {
    by.set(index, before.get(index) ?? line(items[index], index));
  }
  drawn.current = { items, line, by };
  return [...by.values()];
}

/** Brings a line of a list to the screen. */
export function reveal(box, items, height, index) {
  const offsets = offsetsOf(items, height);
  const above = box.getBoundingClientRect().top;
  const top = above + offsets[index];
  const bottom = above + offsets[index + 1];
  if (top < HEAD) {
    scrollBy({ top: top - HEAD });
  } else if (bottom > innerHeight - 40) {
    scrollBy({ top: bottom - innerHeight + 40 });
  }
}
