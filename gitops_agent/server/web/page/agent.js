// The agents and their cluster: who leads, what waits, and above all what cannot be seen.

import { Ago, span } from "./clock.js";
import { Block } from "./copyable.js";
import { html } from "./html.js";
import { Answer } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { Notifiers } from "./notifiers.js";
import { State } from "./states.js";
import { number, t } from "./words.js";

export function Agent() {
  const resource = useResource("/agent");
  return html`${resource.data === null && html`<h1>${t("agent.title")}</h1>`}<${Answer} resource=${resource} lines=${10}>${(data) => html`
    <header class="head">
      <div class="head-line"><h1>${t("agent.title")} ${data.cluster.replace(/^https?:\/\//, "")}</h1>
        <span
            class="muted">v${data.version.replace(/^v/, "")} · Kubernetes ${data.kubernetes}${data.mode === "laptop" ? ` · ${t("agent.laptop")}` : ""}</span>
        </div>
      <dl class="facts facts-wide">
        ${data.queue && html`<div><dt>${t("agent.queue")}</dt>
          <dd>${t("agent.queueText", { ready: data.queue.ready, working: data.queue.working, oldest: Math.round(data.queue.oldestSeconds) })}</dd>
          </div>`}
        ${data.load && html`<${Load} load=${data.load} />`}
        ${data.webhooks !== null && html`<div><dt>${t("agent.webhooks")}</dt>
          <dd>${t(data.webhooks ? "agent.webhooksOn" : "agent.webhooksOff")}</dd></div>`}
        <div><dt>${t("agent.viewers")}</dt><dd>${number(data.viewers)}</dd></div>
        ${data.tools.length > 0 && html`<div><dt>${t("agent.tools")}</dt>
          <dd>${data.tools.map(({ name, version }) => html`<span key=${name} class="tool">${name} <span
              class="muted">${version}</span>
          </span>`)}</dd></div>`}
      </dl>
    </header>
    <${Leases} leases=${data.leases} />
    <section><h2>${t("cannotSee.title")}</h2>${data.cannotSee.length === 0
      ? html`<p><${State} state="Healthy" text=${t("agent.seesAll")} quiet /></p>`
      : html`<ul class="plain">${data.cannotSee.map((each) => html`<li key=${each.kind}>
        <${State} state="Unknown" text=${html`<code>${each.kind}</code>`} /> <span class="muted">${each.why}</span> <${Rule}
            kind=${each.kind} />
        </li>`)}</ul>
        <p>${t("agent.affected", { count: data.affected })}</p>`}</section>
    <section><h2>${t("agent.repositories")}</h2>${data.repositories.length === 0 ? html`<p
        class="muted">${t("agent.noRepositories")}</p>` : html`
      <div class="scroll" tabindex="0" role="region" aria-label=${t("agent.repositories")}><table class="table table-stack">
      <tbody>${data.repositories.map((each) => html`<tr key=${each.url}>
      <th scope="row" class="break">${each.url}</th>
      <td class="nowrap">${each.unavailableSince
        ? html`<${State} state="Degraded" text=${html`${t("agent.unavailable")} <${Ago} at=${each.unavailableSince}
            bare />`} />`
        : html`<${State} state="Healthy" text=${each.polledAt ? html`${t("agent.polled")} <${Ago}
            at=${each.polledAt} />` : t("agent.readable")} quiet />`}</td>
      <td class="nowrap muted">${each.pushedAt ? html`${t("agent.pushed")} <${Ago} at=${each.pushedAt} />` : data.webhooks && t("agent.neverPushed")}</td>
      <td class="break">${each.message}</td>
      <td class="nowrap muted">${t("agent.applications", { count: each.applications })}</td>
    </tr>`)}</tbody></table></div>`}</section>
    ${data.notifiers.length > 0 && html`<${Notifiers} notifiers=${data.notifiers} />`}
  `}<//>`;
}

const MEBIBYTE = 1_048_576;
const HOUR = 3_600;

function Load({ load }) {
  const { reconciles, apiRequests, apiSeconds, memoryBytes } = load;
  const requests = apiSeconds < HOUR ? t("agent.requestsYoung", { requests: apiRequests, span: span(apiSeconds) })
    : t("agent.requestsHour", { requests: apiRequests });
  return html`<div><dt>${t("agent.reconciles")}</dt><dd>${t("agent.reconcilesText", { reconciles })}</dd></div>
    <div><dt>${t("agent.requests")}</dt><dd>${requests}</dd></div>
    ${memoryBytes !== null && html`<div><dt>${t("agent.memory")}</dt>
      <dd>${number(Math.round(memoryBytes / MEBIBYTE))} MiB</dd></div>`}`;
}

function Leases({ leases }) {
  return html`<section><h2>${t("agent.leases")}</h2>${leases.length === 0 ? html`<p>
    <${State} state="Degraded" text=${t("agent.noLease")} />
    </p>` : html`<ul class="plain">${leases.map((lease) => html`<li key=${lease.namespace}>
    <${State} state=${lease.leads ? "Healthy" : "Degraded"} text=${lease.leads ? t("agent.leading") : t("agent.notLeading")} />
    <strong>${lease.namespace}</strong> <code>${lease.holder}</code>
    <span class="muted">${lease.since && html`${t("agent.since")} <${Ago} at=${lease.since}
        bare /> · `}${lease.renewedAt && html`${t("agent.renewed")} <${Ago} at=${lease.renewedAt} />`}</span>
  </li>`)}</ul>`}</section>`;
}

// Kinds are named by their plural in rules; the plural of nearly all of them is made like this, and the text says to check it.
function Rule({ kind }) {
  const [name, ...group] = kind.split("/").reverse();
  const plural = `${name.toLowerCase().replace(/y$/, "ie")}${/(s|x|ch)$/i.test(name) ? "es" : "s"}`;
  const rule = `- apiGroups: ["${group.join("/")}"]\n  resources: ["${plural}"]\n  verbs: ["get", "list", "watch"]`;
  return html`<details class="inline-details"><summary>${t("agent.rule")}</summary><p class="muted">${t("agent.ruleText")}</p>
    <${Block} text=${rule} name=${t("agent.rule")} /></details>`;
}
