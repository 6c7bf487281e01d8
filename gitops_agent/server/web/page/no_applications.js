// The overview without rows: there are none yet, or the viewer may not list them.

import { Command } from "./copyable.js";
import { html } from "./html.js";
import { Empty } from "./refusal_view.js";
import { me } from "./session.js";
import { t } from "./words.js";

export function NoApplications() {
  const rights = me.value?.rights ?? [];
  const visible = rights.filter(({ sees }) => sees).map(({ namespace }) => namespace);
  if (rights.length > 0 && visible.length === 0) {
    return html`<${NoRights} />`;
  }
  return html`<${Empty} title=${t("overview.none", { namespaces: visible.join(", ") || "gitops-system" })}>
    <p class="muted">${t("overview.first")}</p>
    <p><${Command} text="gitops-agent create APP --repo URL --path DIRECTORY --dest-namespace NAMESPACE" /></p>
  <//>`;
}

export function NoRights() {
  const { user, groups, rights } = me.value;
  const namespaces = rights.map(({ namespace }) => namespace).join(", ");
  return html`<${Empty} title=${t("overview.noRights", { user, groups: groups.join(", "), namespaces })}>
    <p class="muted">${t("overview.role")}</p>
    <p>
      <${Command}
          text=${`kubectl create role application-viewer --verb=get,list,watch --resource=applications.gitops-agent.dev -n ${rights[0].namespace}`} />
      </p>
    <p>
      <${Command}
          text=${`kubectl create rolebinding application-viewer --role=application-viewer --user=${user} -n ${rights[0].namespace}`} />
      </p>
  <//>`;
}
