// What differs between any two of live, plan and the commits of the history.

import { Commit } from "./commit.js";
import { DiffView } from "./diff_view.js";
import { html } from "./html.js";
import { Answer, CannotSee, Empty } from "./refusal_view.js";
import { useResource } from "./resources.js";
import { route, setQuery } from "./router.js";
import { objectPath } from "./tree.js";
import { t } from "./words.js";

export function DiffTab({ path }) {
  const { from = "live", to = "plan" } = route.value.query;
  const timeline = useResource(`${path}/timeline`);
  const address = `${path}/diff?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
  const resource = useResource(address);
  const commits = [...new Map((timeline.data?.entries ?? []).filter(({ commit }) => commit.short).map(({ commit }) => [commit.short, commit])).values()];
  return html`
    <div class="list-head">
      <${Side} name="from" value=${from} commits=${commits} />
      <span class="muted" aria-hidden="true">→</span>
      <${Side} name="to" value=${to} commits=${commits} />
    </div>
    <${Answer} resource=${resource} lines=${10}>${(data) => html`
      <p>${side(data.from)} <span class="muted">→</span> ${side(data.to)} <span
          class="muted">· ${t("diff.summary", { count: data.objects.length, equal: data.equal })}</span>
        </p>
      ${data.warnings.map((each) => html`<p key=${each} class="notice notice-held">${each}</p>`)}
      <${CannotSee} kinds=${data.cannotSee} />
      ${data.objects.length === 0
        ? html`<${Empty} title=${t("diff.none", { count: data.equal })} />`
        : html`<${DiffView} objects=${data.objects}
            source=${(object) => `${address}&object=${encodeURIComponent(objectPath(object))}`} />`}
    `}<//>
  `;
}

function side({ commit, label, kind }) {
  return commit.short ? html`<${Commit}
      commit=${commit} />` : html`<strong>${kind === "revision" ? label : t(`diff.side.${kind}`)}</strong>`;
}

function Side({ name, value, commits }) {
  const listed = commits.map(({ short, subject }) => ({ value: `rev:${short}`, text: `${short.slice(0, 7)} ${subject}` }));
  const options = [{ value: "live", text: t("diff.side.live") }, { value: "plan", text: t("diff.side.plan") }, ...listed];
  const known = options.some((each) => each.value === value) ? options : [...options, { value, text: value }];
  return html`<label class="choice"><span>${t(`diff.${name}`)}</span>
    <select value=${value} onChange=${(event) => setQuery({ [name]: event.currentTarget.value })}>
    ${known.map((each) => html`<option key=${each.value} value=${each.value}>${each.text}</option>`)}
  </select></label>`;
}
