// Drawings of numbers, each with the numbers beside it in words or in a table: a metric has ten points, which needs no library.

import { html } from "./html.js";
import { narrow } from "./virtual_list.js";
import { t } from "./words.js";

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/i;
const WIDTH = 132;
const HEIGHT = 28;
const EDGE = 3;

function firstNumber(text) {
  const match = NUMBER.exec(text ?? "");
  return match ? Number(match[0]) : null;
}

/** The last measurements of a metric as a line, with its limit when that is a number. */
export function Sparkline({ name, measurements, limit }) {
  const points = measurements.map((each) => ({ ...each, number: firstNumber(each.value) })).filter(({ number }) => number !== null);
  if (points.length === 0) {
    return html`<span class="muted">–</span>`;
  }
  const bound = /^\s*(?:\w+\s+)*[<>]=?\s*-?[\d.e+-]+\s*$/i.test(limit) ? firstNumber(limit.replace(/^[^<>]*[<>]=?/, "")) : null;
  const values = [...points.map(({ number }) => number), ...(bound === null ? [] : [bound])];
  const low = Math.min(...values);
  const spread = Math.max(...values) - low || 1;
  const y = (value) => HEIGHT - EDGE - ((value - low) / spread) * (HEIGHT - 2 * EDGE);
  const x = (index) => EDGE + (points.length === 1 ? 0.5 : index / (points.length - 1)) * (WIDTH - 2 * EDGE);
  const line = points.map(({ number }, index) => `${x(index).toFixed(1)},${y(number).toFixed(1)}`).join(" ");
  const label = t("chart.metric", { name, values: points.map(({ value }) => value).join(", ") });
  return html`<svg class="sparkline" role="img" aria-label=${label} width=${WIDTH} height=${HEIGHT}
      viewBox=${`0 0 ${WIDTH} ${HEIGHT}`}>
    ${bound !== null && html`<line class="sparkline-limit" x1="0" x2=${WIDTH} y1=${y(bound)} y2=${y(bound)} />`}
    <polyline class="sparkline-line" points=${line} />
    ${points.map((each, index) =>
      (each.verdict !== "success" || index === points.length - 1) &&
      html`<circle key=${index} class=${`sparkline-point verdict-${each.verdict}`} cx=${x(index)} cy=${y(each.number)}
          r="2.5" />`)}
  </svg>`;
}

const LADDER = { width: 480, height: 150, left: 44, right: 12, top: 14, bottom: 22 };
const NARROW = { ...LADDER, width: 300 };

/** The weights of the steps: drawn through what is done, dashed ahead, with a mark for what is in force. */
export function WeightChart({ steps, weight }) {
  const weighted = steps.map((step) => step.weight ?? (step.number === 0 ? 100 : null));
  let last = 0;
  const levels = weighted.map((each) => (last = each ?? last));
  const box = narrow.value ? NARROW : LADDER;
  const inner = box.width - box.left - box.right;
  const x = (index) => box.left + (index / levels.length) * inner;
  const y = (percent) => box.height - box.bottom - (percent / 100) * (box.height - box.top - box.bottom);
  const at = steps.findIndex((step) => step.is === "now" || step.is === "paused");
  const path = (from, to) => {
    const parts = [];
    for (let index = from; index < to; index++) {
      parts.push(`${parts.length ? "L" : "M"}${x(index)} ${y(index === 0 ? 0 : levels[index - 1])}V${y(levels[index])}H${x(index + 1)}`);
    }
    return parts.join("");
  };
  const reached = at < 0 ? steps.filter((step) => step.is === "done").length : at + 1;
  const label = t("chart.weight", { requested: weight.requested, actual: weight.actual });
  const marks = [...new Set([0, ...levels, 100])].sort((a, b) => a - b).filter((each, index, all) => index === 0 || each - all[index - 1] >= 9 || each === 100);
  return html`<svg class="ladder" role="img" aria-label=${label} viewBox=${`0 0 ${box.width} ${box.height}`}>
    ${marks.map((each) => html`<g key=${each}>
      <line class="ladder-grid" x1=${box.left} x2=${box.width - box.right} y1=${y(each)} y2=${y(each)} />
      <text class="ladder-text" x=${box.left - 8} y=${y(each) + 4} text-anchor="end">${each} %</text>
    </g>`)}
    <path class="ladder-ahead" d=${path(Math.max(0, reached - 1), levels.length)} />
    <path class="ladder-done" d=${path(0, reached)} />
    ${at >= 0 && html`<circle class=${weight.verified ? "ladder-force" : "ladder-force ladder-unverified"}
        cx=${(x(at) + x(at + 1)) / 2} cy=${y(weight.actual)} r="5" />`}
    ${steps.map((step, index) => html`<text key=${index} class="ladder-text" x=${(x(index) + x(index + 1)) / 2}
        y=${box.height - 5} text-anchor="middle">${step.number || "✓"}</text>`)}
  </svg>`;
}
