// The last lines of the containers of an object, read with the viewer's own rights.

import { html } from "./html.js";
import { Answer, Empty } from "./refusal_view.js";
import { refresh, useResource } from "./resources.js";
import { route, setQuery } from "./router.js";
import { clockTime } from "./clock.js";
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
      result.push({ value: objectPath(each.object), text: `${each.object.kind} ${each.object.namespace}/${each.object.name}`, containers: each.logs, well: each.health === "Healthy" });
    }
    each.children.forEach(walk);
  };
  nodes.forEach(walk);
  return result.sort((a, b) => Number(a.well) - Number(b.well));
}

function Logs({ path, sources: all }) {
  const { object, container = "", previous = "", tail = TAILS[0] } = route.value.query;
  const source = all.find(({ value }) => value === object) ?? (object ? { value: object, text: object, containers: [] } : all[0]);
  const query = new URLSearchParams({ tail, ...(previous && { previous: "true" }), ...(container && { container }) });
  const address = source ? `${path}/logs/${source.value.split("/").map(encodeURIComponent).join("/")}?${query}` : "";
  const logs = useResource(address);
  if (!source) {
    return html`<${Empty} title=${t("logs.none")} />`;
  }
  const options = all.some(({ value }) => value === source.value) ? all : [source, ...all];
  return html`
    <div class="list-head">
      <label class="choice"><span>${t("logs.object")}</span>
        <select value=${source.value} onChange=${(event) => setQuery({ object: event.currentTarget.value, container: "" })}>
        ${options.map(({ value, text }) => html`<option key=${value} value=${value}>${text}</option>`)}
      </select></label>
      ${source.containers.length > 1 && html`<label class="choice"><span>${t("logs.container")}</span>
        <select value=${container} onChange=${(event) => setQuery({ container: event.currentTarget.value })}>
        <option value="">${t("logs.all")}</option>${source.containers.map((each) => html`<option key=${each}
            value=${each}>${each}</option>`)}
      </select></label>`}
      <label class="choice"><span>${t("logs.tail")}</span>
        <select value=${tail}
            onChange=${(event) => setQuery({ tail: event.currentTarget.value })}>${TAILS.map((each) => html`<option key=${each}
            value=${each}>${each}</option>`)}</select>
        </label>
      <label class="choice">
        <input type="checkbox" checked=${Boolean(previous)}
            onChange=${(event) => setQuery({ previous: event.currentTarget.checked ? "yes" : "" })} />
        <span>${t("logs.previous")}</span></label>
      <span class="grow"></span>
      <button type="button" class="button" onClick=${() => refresh((each) => each === address)}>${t("logs.refresh")}</button>
    </div>
    <${Answer} resource=${logs}>${(data) => html`
      ${data.problem && html`<div class="notice notice-held">${data.problem}</div>`}
      ${data.lines.length > 0 ? html`<${Lines} lines=${data.lines} />` : !data.problem && html`<${Empty}
          title=${t("logs.empty")} />`}
    `}<//>
  `;
}

function Lines({ lines }) {
  const several = new Set(lines.map(({ pod, container }) => `${pod}/${container}`)).size > 1;
  return html`<div class="logs" tabindex="0" role="log" aria-label=${t("tab.logs")}>
    ${lines.map((line, index) => html`<div key=${index} class=${`log ${level(line.text)}`}>
      <time class="muted" datetime=${line.at} title=${line.at}>${clockTime(line.at)}</time>
      ${several && html`<span class="log-pod" title=${`${line.pod} ${line.container}`}>${line.pod}</span>`}
      <span class="log-text">${line.text}</span>
    </div>`)}
  </div>`;
}

function level(text) {
  if (/\b(error|fatal|panic|exception|critical)\b/i.test(text)) {
    return "log-error";
  }
  return /\bwarn(ing)?\b/i.test(text) ? "log-warning" : "";
}
