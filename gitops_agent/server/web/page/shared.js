// What a share link shows: a list, an Application or a rollout, without a session, without actions, and without a way further.

import { useEffect } from "../vendor/hooks.js";
import { segments } from "./api.js";
import { Headline } from "./application.js";
import { Ago, Until } from "./clock.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { Prose } from "./prose.js";
import { Answer } from "./refusal_view.js";
import { refresh, useResource } from "./resources.js";
import { RolloutView } from "./rollout.js";
import { route } from "./router.js";
import { State, stateOfRollout } from "./states.js";
import { TimelineTab } from "./timeline_tab.js";
import { t } from "./words.js";

const AGAIN = 15_000;

export function Shared() {
  const { link, kind, ns, name } = route.value;
  const base = `/shared${segments(link)}`;
  const about = useResource(base);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && refresh((path) => path.startsWith(base)), AGAIN);
    return () => clearInterval(timer);
  }, [base]);
  const { data } = about;
  const key = kind === "a" ? { namespace: ns, name } : data?.application;
  return html`
    <header class="shell-head"><span class="brand"><${Icon} name="logo" /><span class="brand-name">gitops-agent</span>
      ${data?.cluster && html`<span class="cluster">${data.cluster}</span>`}</span><span class="grow"></span>
      ${data && html`<span class="muted">${t("share.ends")} <${Until} at=${data.expires} /></span>`}</header>
    <main id="main" class="main"><${Answer} resource=${about}>${(shown) => kind === "r"
      ? html`<${Run} link=${link} path=${`${base}/rollouts${segments(ns, name)}`} />`
      : key
        ? html`<${One} base=${base} link=${link} application=${key} alone=${Boolean(shown.application)} />`
        : html`<${List} base=${base} link=${link} />`}<//></main>
  `;
}

function List({ base, link }) {
  const resource = useResource(`${base}/applications?limit=2000`);
  return html`<h1>${t("overview.applications")}</h1><${Answer} resource=${resource}>${({ columns, rows }) => html`
    <div class="scroll" tabindex="0" role="region" aria-label=${t("overview.applications")}><table class="table">
    <tbody>${rows.map((array) => {
      const row = Object.fromEntries(columns.map((column, index) => [column, array[index]]));
      return html`<tr key=${`${row.ns}/${row.name}`}><td><${State} state=${row.state} /></td>
        <th scope="row"><a href=${`/s${segments(link)}/a${segments(row.ns, row.name)}`}>${row.ns}/${row.name}</a></th>
        <td class="break"><${Prose} text=${row.message} /></td><td class="nowrap muted"><${Ago} at=${row.changedAt} bare /></td></tr>`;
    })}</tbody></table></div>`}<//>`;
}

function Back({ address }) {
  return html`<a class="back" href=${address} aria-label=${t("rollout.back")}><${Icon} name="back" /></a>`;
}

function One({ base, link, application, alone }) {
  const { namespace, name } = application;
  const path = `${base}/applications${segments(namespace, name)}`;
  const resource = useResource(path);
  return html`<${Answer} resource=${resource}>${(data) => html`
    <header class="head"><div class="head-line">${!alone && html`<${Back} address=${`/s${segments(link)}`} />`}
      <h1><span class="muted">${namespace}/</span>${name}</h1><${State} state=${data.headline.state} />
      <span class="muted">${t("application.for")} <${Ago} at=${data.headline.since} bare /></span></div>
      <${Headline} ns=${namespace} name=${name} data=${data} links=${false} /></header>
    ${data.rollouts.length > 0 && html`<h2>${t("nav.rollouts")}</h2><ul class="plain">${data.rollouts.map((each) => html`<li
        key=${each.name}><${State} state=${stateOfRollout(each.phase)} text=${each.phase} /> <a
        href=${`/s${segments(link)}/r${segments(each.namespace, each.name)}`}>${each.namespace}/${each.name}</a></li>`)}</ul>`}
    <h2>${t("tab.timeline")}</h2>
    <${TimelineTab} ns=${namespace} name=${name} path=${path} shared />
  `}<//>`;
}

function Run({ link, path }) {
  const resource = useResource(path);
  return html`<${Answer} resource=${resource} lines=${10}>${(data) => html`<${RolloutView} data=${data} path=${path}
      back=${`/s${segments(link)}${data.row.application ? `/a${segments(data.row.application.namespace, data.row.application.name)}` : ""}`} />`}<//>`;
}
