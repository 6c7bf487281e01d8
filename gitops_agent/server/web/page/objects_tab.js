// The objects as an indented tree. What is well is folded into one line, and so are ReplicaSets of earlier versions: the tree
// shows why something is not well, however many objects there are.

import { useSignal } from "../vendor/signals.js";
import { useEffect, useRef } from "../vendor/hooks.js";
import { Ago } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { useKeys } from "./keys.js";
import { Dialog } from "./dialog.js";
import { Block } from "./copyable.js";
import { Answer, CannotSee, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { route, setQuery, to } from "./router.js";
import { State, shapeOf, word } from "./states.js";
import { lineOfTree, objectPath, objectText, treeLines } from "./tree.js";
import { VirtualList, narrow, reveal } from "./virtual_list.js";
import { number, t } from "./words.js";

const HEIGHT = 32;
const TWO_LINES = 54;
const low = () => HEIGHT;
const high = (line) => (hasMore(line) ? TWO_LINES : HEIGHT);

/** Whether there is more to say than the name, which a phone shows below it. */
function hasMore({ node }) {
  return Boolean(node && (node.health !== "Healthy" || node.drifted || node.message));
}

export function ObjectsTab({ ns, name, path }) {
  const resource = useResource(`${path}/tree`);
  return html`<${Answer} resource=${resource} lines=${10}>${(data) => html`
    <${CannotSee} kinds=${data.cannotSee} />
    ${data.nodes.length === 0
      ? html`<${Empty} title=${t("objects.none", { name })} />`
      : html`<${Tree} ns=${ns} name=${name} path=${path} data=${data} />`}
  `}<//>`;
}

function Tree({ ns, name, path, data }) {
  const open = useSignal({});
  const selected = useSignal(-1);
  const box = useRef(null);
  const filter = route.value.query.find ?? "";
  const height = narrow.value ? high : low;
  const all = treeLines(data.nodes, { open: open.value, filter });
  const current = all[Math.min(selected.value, all.length - 1)];
  const set = (line, value) => {
    open.value = { ...open.value, [line.id]: value };
  };
  const move = (step) => {
    selected.value = Math.max(0, Math.min(all.length - 1, selected.value + step));
    reveal(box.current.querySelector(".virtual"), all, height, selected.value);
  };
  const inward = () => current && (current.expandable && !current.open ? set(current, true) : move(1));
  const outward = () => {
    if (current?.expandable && current.open) {
      set(current, false);
    } else if (current) {
      const parent = all.slice(0, selected.value).findLastIndex((each) => each.level < current.level);
      move(parent < 0 ? 0 : parent - selected.value);
    }
  };
  const openObject = () => current?.node && setQuery({ object: objectPath(current.node.object) });
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    ArrowRight: inward,
    ArrowLeft: outward,
    Home: () => move(-all.length),
    End: () => move(all.length),
    Enter: () => (current?.node ? openObject() : current && set(current, !current.open)),
  });
  useEffect(() => {
    box.current?.querySelector(`[data-index="${selected.value}"]`)?.focus({ preventScroll: true });
  }, [selected.value]);
  return html`<div ref=${box}>
    <div class="list-head">
      <input class="filter" type="search" value=${filter} placeholder=${t("objects.find")} aria-label=${t("objects.find")}
          onInput=${(event) => setQuery({ find: event.currentTarget.value })} />
      <span class="muted" role="status">${countsText(data.counts)}</span>
    </div>
    <${VirtualList} items=${all} height=${height} role="tree" aria-label=${t("objects.tree", { name })}
      line=${(line, index) => html`<${Line} key=${line.id} line=${line} index=${index} active=${index === selected.value}
          ns=${ns} name=${name}
        pick=${() => (selected.value = index)} turn=${() => set(line, !line.open)} />`} />
    <${ObjectDialog} path=${path} />
  </div>`;
}

function countsText(counts) {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${number(count)} ${word(state[0].toUpperCase() + state.slice(1))}`)
    .join(" · ");
}

function Line({ line, index, active, ns, name, pick, turn }) {
  const { node } = line;
  const choose = (event) => {
    pick();
    if (line.expandable && !event.target.closest("a, button")) {
      turn();
    }
  };
  const attributes = lineOfTree(line);
  return html`<div class=${`node${hasMore(line) ? " node-more" : ""}${node ? ` node-${shapeOf(node.health)}` : " node-folded"}`} role="treeitem"
      tabindex=${active || index === 0 ? 0 : -1} data-index=${index} ...${attributes} onClick=${choose}>
    <span class=${`node-indent indent-${Math.min(line.level, 9)}`}></span>
    <span class=${line.open ? "turn turn-open" : "turn"}>${line.expandable && html`<${Icon} name="chevron" />`}</span>
    ${node ? html`<${Node} node=${node} ns=${ns} name=${name} />` : html`<span
        class="muted">${t(`objects.${line.fold}`, { count: line.count })}</span>`}
  </div>`;
}

function Node({ node, ns, name }) {
  const { object } = node;
  const inspect = (event) => {
    event.stopPropagation();
    setQuery({ object: objectPath(object) });
  };
  return html`
    <${State} state=${node.health || "Unknown"} text=${html`<span class="sr-only">${word(node.health)}</span>`} />
    <span class="node-kind">${object.kind}</span>
    <button type="button" class="node-name" tabindex="-1" title=${objectText(object)} onClick=${inspect}>${object.name}</button>
    ${node.health !== "Healthy" && html`<span class="node-health">${node.reason || word(node.health)}</span>`}
    ${node.drifted && html`<a class="badge badge-held" tabindex="-1"
        href=${to.application(ns, name, "drift")}>${t("objects.drifted")}</a>`}
    ${node.hook && html`<span class="badge">${t("objects.hook")}</span>`}
    ${node.past && html`<span class="badge">${t("objects.past")}</span>`}
    ${node.message && html`<span class="node-message muted" title=${node.message}>${node.message}</span>`}
    <span class="grow"></span>
    ${node.logs.length > 0 && html`<a class="node-link" tabindex="-1"
        href=${`${to.application(ns, name, "logs")}?object=${encodeURIComponent(objectPath(object))}`}>${t("objects.logs")}</a>`}
    ${node.createdAt && html`<span class="node-age muted"><${Ago} at=${node.createdAt} bare /></span>`}
  `;
}

function ObjectDialog({ path }) {
  const wanted = route.value.query.object;
  return wanted && html`<${OpenObject} key=${wanted}
      path=${`${path}/objects/${wanted.split("/").map(encodeURIComponent).join("/")}`} title=${wanted} />`;
}

function OpenObject({ path, title }) {
  const resource = useResource(path);
  return html`<${Dialog} title=${title.replace(/^core\//, "").replace("/-/", "/")} close=${() => setQuery({ object: "" })}>
    <${Answer} resource=${resource}>${(data) => html`<p class="muted">${t("objects.masked")}</p>
      <${Block} text=${data.yaml} name="YAML" />`}<//>
  <//>`;
}
