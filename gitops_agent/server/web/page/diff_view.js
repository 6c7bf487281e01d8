// A structural diff. The server walks both trees; a hunk is headed by the path of its fields, so a change can never seem to stand
// in another place than it does. Values of Secrets are numbers: equal numbers are equal values.

import { useSignal } from "../vendor/signals.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { Answer } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { diffLayout } from "./settings.js";
import { objectPath, objectText } from "./tree.js";
import { t } from "./words.js";

const SIGNS = { create: "+", update: "~", replace: "±", delete: "−", none: "~" };
const MANY = 12;

/** `source(object)` is the path that answers one object whatever its size. */
export function DiffView({ objects, source }) {
  const open = useSignal({});
  const only = useSignal("");
  const wanted = only.value.trim().toLowerCase();
  const shown = wanted ? objects.filter((each) => concerns(each, wanted)) : objects;
  const isOpen = (each) => open.value[objectPath(each.object)] ?? openAtFirst(each, objects.length);
  const all = (value) => {
    open.value = Object.fromEntries(objects.map((each) => [objectPath(each.object), value]));
  };
  const everyOpen = shown.every(isOpen);
  return html`
    <div class="list-head">
      <${Layout} />
      <button type="button" class="button"
          onClick=${() => all(!everyOpen)}>${everyOpen ? t("diff.collapse") : t("diff.expand")}</button>
      <input class="filter" type="search" value=${only.value} placeholder=${t("diff.only")} aria-label=${t("diff.only")}
          onInput=${(event) => (only.value = event.currentTarget.value)} />
    </div>
    <div class=${`diff diff-${diffLayout.value}`}>
      ${shown.map((each) => html`<${ObjectDiff} key=${objectPath(each.object)} diff=${each} filter=${wanted} source=${source}
        open=${isOpen(each)} turn=${() => (open.value = { ...open.value, [objectPath(each.object)]: !isOpen(each) })} />`)}
    </div>
  `;
}

function Layout() {
  const button = (value) => html`<button type="button" class="segment" aria-pressed=${diffLayout.value === value}
      onClick=${() => (diffLayout.value = value)}>${t(`diff.${value}`)}</button>`;
  return html`<div class="segments" role="group" aria-label=${t("diff.layout")}>${button("unified")}${button("split")}</div>`;
}

// A definition of a kind has thousands of lines and drowns the rest.
function openAtFirst(diff, count) {
  return diff.object.kind !== "CustomResourceDefinition" && !diff.large && (diff.hunks.length > 0 || diff.refused !== "" || diff.dependants.length > 0) && count <= MANY;
}

function concerns(diff, wanted) {
  return objectText(diff.object).toLowerCase().includes(wanted) || diff.hunks.some((hunk) => hunk.rows.some((row) => row.path.toLowerCase().includes(wanted)));
}

function ObjectDiff({ diff, filter, source, open, turn }) {
  const { object } = diff;
  const changed = diff.hunks.reduce((sum, hunk) => sum + hunk.rows.length, 0);
  const panel = `diff-${objectPath(object)}`;
  return html`<section class=${`object-diff action-${diff.action}`}>
    <h2><button type="button" class="object-diff-head" aria-expanded=${open} aria-controls=${panel} onClick=${turn}>
      <span class=${open ? "turn turn-open" : "turn"}><${Icon} name="chevron" /></span>
      <span class="sign" aria-hidden="true">${SIGNS[diff.action]}</span>
      <span class="sr-only">${t(`diff.action.${diff.action}`)}</span>
      <span class="object-kind">${object.group ? `${object.group}/` : ""}${object.kind}</span>
      <span class="object-name">${object.namespace ? `${object.namespace}/` : ""}${object.name}</span>
      <span
          class="muted">${changed > 0 ? t("diff.fields", { count: changed }) : diff.lines > 0 ? t("diff.lines", { count: diff.lines }) : ""}</span>
      <span class="grow"></span>
      ${diff.restarts && html`<span class="badge badge-held">${diff.restarts}</span>`}
      ${diff.refused && html`<span class="badge badge-failed">${diff.refusedReason || t("diff.refused")}</span>`}
    </button></h2>
    ${open && html`<div id=${panel} class="object-diff-body">
      ${diff.message && html`<p class="muted">${diff.message}</p>`}
      ${diff.refused && html`<p class=${diff.estimated ? "notice notice-held" : "notice notice-failed"}>${diff.refused}</p>`}
      ${diff.estimated && html`<p class="muted">${t("diff.estimated")}</p>`}
      ${diff.dependants.map((each) => html`<p key=${each} class="notice notice-held">${each}</p>`)}
      ${diff.hunks.map((hunk) => html`<${Hunk} key=${hunk.path.join("/")} hunk=${hunk} filter=${filter} />`)}
      ${diff.yaml && html`<${Whole} diff=${diff} />`}
      ${diff.large && html`<${Large} diff=${diff} source=${source} />`}
      ${diff.unchanged > 0 && diff.hunks.length > 0 && html`<p
          class="unchanged">${t("diff.unchanged", { count: diff.unchanged })}</p>`}
    </div>`}
  </section>`;
}

function Hunk({ hunk, filter }) {
  const rows = filter ? hunk.rows.filter((row) => row.path.toLowerCase().includes(filter)) : hunk.rows;
  const shown = rows.length > 0 ? rows : hunk.rows;
  const steps = hunk.path.length > 0 ? hunk.path : ["."];
  return html`<table class="hunk">
    <caption>${steps.map((step, index) => html`${index > 0 && html`<span class="muted" aria-hidden="true"> › </span>`}<span
        key=${index}>${step}</span>`)}</caption>
    <thead class="sr-only"><tr><th scope="col">${t("diff.field")}</th><th scope="col">${t("diff.old")}</th>
      <th scope="col">${t("diff.new")}</th></tr></thead>
    <tbody>${shown.map((row) => html`<${Field} key=${row.path} row=${row} />`)}</tbody>
  </table>`;
}

function Field({ row }) {
  const [before, after] = row.op === "changed" ? marked(text(row.old, row), text(row.new, row)) : [text(row.old, row), text(row.new, row)];
  const old = row.op === "added" ? null : html`<span class="old" title=${t("diff.old")}>${before}</span>`;
  const fresh = row.op === "removed" ? null : html`<span class="new" title=${t("diff.new")}>${after}</span>`;
  return html`<tr class=${`field op-${row.op}`}>
    <th scope="row">${row.field || "."}${row.op === "moved" && html` <span class="badge">${t("diff.moved")}</span>`}</th>
    <td class="side side-old">${old ?? html`<span class="none">${t("diff.absent")}</span>`}</td>
    <td class="side side-new">${fresh ?? html`<span class="none">${t("diff.removed")}</span>`}${row.secret && html` <span
        class="muted">${t("diff.secret")}</span>`}</td>
  </tr>`;
}

function text(value, { secret }) {
  if (secret && typeof value === "string") {
    const index = /#\d+/.exec(value);
    return index ? `••• ${index[0]}` : value;
  }
  return typeof value === "string" ? value || '""' : JSON.stringify(value, null, 2);
}

const LONG = 400;

/** Both texts with the part that differs marked, where that is less than all. */
function marked(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) {
    start++;
  }
  let end = 0;
  while (end < before.length - start && end < after.length - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end++;
  }
  if ((start === 0 && end === 0) || Math.max(before.length, after.length) > LONG) {
    return [before, after];
  }
  const part = (each) => html`${each.slice(0, start)}<mark>${each.slice(start, each.length - end)}</mark>${each.slice(each.length - end)}`;
  return [part(before), part(after)];
}

function Whole({ diff }) {
  return html`<pre class=${diff.action === "delete" ? "whole whole-old" : "whole whole-new"} tabindex="0"
      aria-label=${objectText(diff.object)}>${diff.yaml}</pre>`;
}

function Large({ diff, source }) {
  const wanted = useSignal(false);
  return wanted.value
    ? html`<${LargeObject} path=${source(diff.object)} />`
    : html`<p>
      <button type="button" class="button"
          onClick=${() => (wanted.value = true)}>${t("diff.load", { count: diff.lines })}</button>
      </p>`;
}

function LargeObject({ path }) {
  const resource = useResource(path);
  return html`<${Answer} resource=${resource}>${(data) => data.objects.map((each) => html`
    ${each.hunks.map((hunk) => html`<${Hunk} key=${hunk.path.join("/")} hunk=${hunk} filter="" />`)}
    ${each.yaml && html`<${Whole} diff=${each} />`}
  `)}<//>`;
}
