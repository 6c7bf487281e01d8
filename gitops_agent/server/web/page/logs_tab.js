// Logs of the containers of an object, read with the viewer's own rights: followed as they are written, or those before the
// restart.

import { useSignal } from "../vendor/signals.js";
import { useEffect, useLayoutEffect, useRef } from "../vendor/hooks.js";
import { html } from "./html.js";
import { followLogs } from "./log_stream.js";
import { Answer, Empty, RefusalView, Waiting } from "./refusal_view.js";
import { refresh, useResource } from "./resources.js";
import { route, setQuery } from "./router.js";
import { clockTime } from "./clock.js";
import { State } from "./states.js";
import { objectPath } from "./tree.js";
import { t } from "./words.js";

const TAILS = ["200", "1000", "5000"];

export function LogsTab({ path }) {
  const tree = useResource(`${path}/tree`);
  return html`<${Answer} resource=${tree}>${(data) => html`<${Logs} path=${path} sources=${sources(data.nodes)} />`}<//>`;
}

/** Objects with containers, workloads before their pods, those that are not well first. */
function sources(nodes) {
  const result = [];
  const walk = (each) => {
    if (each.logs.length > 0) {
      const { kind, namespace, name } = each.object;
      result.push({ value: objectPath(each.object), text: `${kind} ${namespace}/${name}`, containers: each.logs, well: each.health === "Healthy", pods: podsOf(each).join(" ") });
    }
    each.children.forEach(walk);
  };
  nodes.forEach(walk);
  return result.sort((a, b) => Number(a.well) - Number(b.well));
}

function podsOf(node) {
  return node.object.kind === "Pod" ? [node.object.name] : node.children.flatMap(podsOf);
}

function Logs({ path, sources: all }) {
  const { object, container = "", previous = "", follow = "", tail = TAILS[0], find = "" } = route.value.query;
  const source = all.find(({ value }) => value === object) ?? (object ? { value: object, text: object, containers: [], pods: "" } : all[0]);
  if (!source) {
    return html`<${Empty} title=${t("logs.none")} />`;
  }
  const live = !previous && follow !== "no";
  const query = new URLSearchParams({ tail, ...(previous && { previous: "true" }), ...(container && { container }) });
  const address = `${path}/logs/${source.value.split("/").map(encodeURIComponent).join("/")}?${query}`;
  const Shown = live ? Followed : Last;
  const options = all.some(({ value }) => value === source.value) ? all : [source, ...all];
  return html`
    <div class="list-head">
      <${Choice} name="object" value=${source.value} options=${options} pick=${(value) => setQuery({ object: value, container: "" })} />
      ${source.containers.length > 1 && html`<${Choice} name="container" value=${container}
          options=${[{ value: "", text: t("logs.all") }, ...source.containers.map((each) => ({ value: each, text: each }))]} />`}
      <${Choice} name="tail" value=${tail} options=${TAILS.map((each) => ({ value: each, text: each }))} />
      <${Check} name="follow" checked=${live} disabled=${Boolean(previous)} pick=${(on) => setQuery({ follow: on ? "" : "no" })} />
      <${Check} name="previous" checked=${Boolean(previous)} pick=${(on) => setQuery({ previous: on ? "yes" : "" })} />
      <input class="filter" type="search" value=${find} placeholder=${t("logs.find")} aria-label=${t("logs.find")}
          onInput=${(event) => setQuery({ find: event.currentTarget.value })} />
      ${!live && html`<span class="grow"></span><button type="button" class="button"
          onClick=${() => refresh((each) => each === address)}>${t("logs.refresh")}</button>`}
    </div>
    <${Shown} key=${address + source.pods} address=${address} find=${find.trim().toLowerCase()} />
  `;
}

function Choice({ name, value, options, pick = (chosen) => setQuery({ [name]: chosen }) }) {
  return html`<label class="choice"><span>${t(`logs.${name}`)}</span>
    <select value=${value} onChange=${(event) => pick(event.currentTarget.value)}>${options.map((each) => html`<option
        key=${each.value} value=${each.value}>${each.text}</option>`)}</select></label>`;
}

function Check({ name, checked, disabled = false, pick }) {
  return html`<label class="choice"><input type="checkbox" checked=${checked} disabled=${disabled}
      onChange=${(event) => pick(event.currentTarget.checked)} /><span>${t(`logs.${name}`)}</span></label>`;
}

function Last({ address, find }) {
  const resource = useResource(address);
  return html`<${Answer} resource=${resource}>${(data) => html`
    ${data.problem && html`<div class="notice notice-held">${data.problem}</div>`}
    ${data.lines.length > 0 ? html`<${Lines} lines=${data.lines} find=${find} />` : !data.problem && html`<${Empty}
        title=${t("logs.empty")} />`}
  `}<//>`;
}

const STATE = { following: "Healthy", waiting: "Progressing", lost: "Unknown" };

function Followed({ address, find }) {
  const logs = useSignal(null);
  useEffect(() => followLogs(`${address}&follow=true`, (next) => (logs.value = next)), [address]);
  if (logs.value === null) {
    return html`<${Waiting} />`;
  }
  const { lines, dropped, problems, refusal, state } = logs.value;
  return html`
    ${refusal && html`<${RefusalView} refusal=${refusal} />`}
    ${problems.map(({ pod, container, why }) => html`<p key=${pod + container} class="notice notice-held">${pod}/${container}: ${why}</p>`)}
    <p class="log-state" role="status"><${State} state=${STATE[state]} text=${t(`logs.${state}`)} quiet /> <span
        class="muted">${t("logs.count", { count: lines.length })}${dropped > 0 && ` · ${t("logs.dropped", { count: dropped })}`}</span></p>
    ${(lines.length > 0 || !refusal) && html`<${Lines} lines=${lines} find=${find} end />`}
  `;
}

/** The lines in a box of their own; with `end` it stays at its end until the viewer scrolls up. */
function Lines({ lines, find, end = false }) {
  const box = useRef(null);
  const stays = useSignal(end);
  useLayoutEffect(() => {
    if (stays.peek()) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines, find]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    stays.value = end && scrollHeight - scrollTop - clientHeight < 24;
  };
  const toEnd = () => {
    stays.value = true;
    box.current.scrollTop = box.current.scrollHeight;
  };
  const shown = find ? lines.filter(({ text }) => text.toLowerCase().includes(find)) : lines;
  const several = new Set(lines.map(({ pod, container }) => `${pod}/${container}`)).size > 1;
  return html`<div class="log-box">
    <div ref=${box} class=${several ? "logs logs-several" : "logs"} tabindex="0" role="log" aria-live="off" aria-label=${t("tab.logs")}
        onScroll=${scrolled}>${shown.map(lineOf)}</div>
    ${end && !stays.value && html`<button type="button" class="button log-end" onClick=${toEnd}>${t("logs.end")}</button>`}
  </div>`;
}

const drawn = new WeakMap();

// A line never changes, so neither does its element: what was drawn is not compared again.
function lineOf(line, index) {
  let element = drawn.get(line);
  if (!element) {
    element = html`<div key=${line.id ?? index} class=${`log ${level(line.text)}`}>
      <time class="muted" datetime=${line.at} title=${line.at}>${clockTime(line.at)}</time>
      <span class="log-pod" title=${`${line.pod} ${line.container}`}>${line.pod} ${line.container}</span>
      <span class="log-text">${line.text}</span>
    </div>`;
    drawn.set(line, element);
  }
  return element;
}

function level(text) {
  if (/\b(error|fatal|panic|exception|critical)\b/i.test(text)) {
    return "log-error";
  }
  return /\bwarn(ing)?\b/i.test(text) ? "log-warning" : "";
}
