// The graph of dependsOn around an Application: layers from what is needed on the left to what waits on the right. Each place is
// a link that says in words what its edges show.

import { html } from "./html.js";
import { to } from "./router.js";
import { shapeOf, word } from "./states.js";
import { t } from "./words.js";

const BOX = { width: 168, height: 30, across: 56, down: 10 };
const LETTERS = 19;
const sprite = `${document.body.dataset.assets}/icons.svg`;

export function Dependencies({ graph }) {
  const layers = [...new Set(graph.map(({ level }) => level))].map((level) => graph.filter((each) => each.level === level));
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("headline.depends")}><${Drawing} layers=${layers} /></div>`;
}

function Drawing({ layers }) {
  const high = Math.max(...layers.map((layer) => layer.length)) * (BOX.height + BOX.down) - BOX.down;
  const wide = layers.length * (BOX.width + BOX.across) - BOX.across;
  const places = new Map();
  layers.forEach((layer, column) => {
    const top = (high - (layer.length * (BOX.height + BOX.down) - BOX.down)) / 2;
    layer.forEach((node, row) => places.set(node.name, { node, x: column * (BOX.width + BOX.across), y: top + row * (BOX.height + BOX.down) }));
  });
  const edges = [...places.values()].flatMap((end) => end.node.needs.filter((name) => places.has(name)).map((name) => [places.get(name), end]));
  return html`<svg class="graph" role="group" aria-label=${t("headline.depends")} width=${wide + 2} height=${high + 2} viewBox=${`-1 -1 ${wide + 2} ${high + 2}`}>
    ${edges.map(([from, end]) => html`<path key=${`${from.node.name} ${end.node.name}`} class="graph-edge" d=${curve(from, end)} />`)}
    ${[...places.values()].map((place) => html`<${Box} key=${place.node.name} place=${place} />`)}
  </svg>`;
}

function curve(from, end) {
  const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, end.x, end.y + BOX.height / 2];
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function Box({ place: { node, x, y } }) {
  const shape = node.exists ? shapeOf(node.state) : "unknown";
  const label = node.name.length > LETTERS ? `${node.name.slice(0, LETTERS - 1)}…` : node.name;
  const state = node.exists ? word(node.state) : t("dependencies.hidden");
  const name = t("dependencies.line", { name: node.name, state, needs: node.needs.join(", ") || "–" });
  const drawn = html`<rect class=${node.level === 0 ? "graph-box graph-self" : "graph-box"} x=${x} y=${y} width=${BOX.width} height=${BOX.height} rx="5" />
    <g class=${`state-${shape}`}><use href=${`${sprite}#${shape}`} x=${x + 8} y=${y + 8} width="14" height="14" /></g>
    <text class="graph-name" x=${x + 28} y=${y + 20}>${label}</text><title>${name}</title>`;
  return node.exists && node.level !== 0
    ? html`<a href=${to.application(node.namespace, node.name)} aria-label=${name}>${drawn}</a>`
    : html`<g role="img" aria-label=${name}>${drawn}</g>`;
}
