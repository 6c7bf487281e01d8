// Makes a link that shows an Application, or a filtered list, to people without an account. The link is shown once.

import { useState } from "../vendor/hooks.js";
import { request } from "./api.js";
import { Until } from "./clock.js";
import { Command } from "./copyable.js";
import { Dialog } from "./dialog.js";
import { html } from "./html.js";
import { RefusalView } from "./refusal_view.js";
import { t } from "./words.js";

const TIMES = ["1h", "8h", "24h", "168h"];

/** `what` is `{application: {namespace, name}}` or `{filter}`. */
export function ShareDialog({ what, close }) {
  const [ttl, setTtl] = useState("24h");
  const [link, setLink] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      setLink(await request("/share", { method: "POST", body: { ...what, ttl } }));
      setRefusal(null);
    } catch (problem) {
      setRefusal(problem);
    }
  };
  const name = what.application ? `${what.application.namespace}/${what.application.name}` : what.filter;
  return html`<${Dialog} title=${t("share.title", { name })} close=${close}>
    ${link
      ? html`<p>${t("share.made")}</p><${Command} text=${new URL(link.url, location.origin).href} />
        <p class="muted">${t("share.ends")} <${Until} at=${link.expires} /></p>`
      : html`<form class="form" onSubmit=${submit}>
        <p>${t("share.shows")}</p>
        <label class="form-field"><span>${t("field.for")}</span>
          <select value=${ttl} onChange=${(event) => setTtl(event.currentTarget.value)}>${TIMES.map((each) => html`<option
              key=${each} value=${each}>${t(`share.${each}`)}</option>`)}</select></label>
        ${refusal && html`<${RefusalView} refusal=${refusal} />`}
        <div class="form-buttons">
          <button type="submit" class="button button-primary">${t("share.make")}</button>
          <button type="button" class="button" onClick=${close}>${t("dialog.cancel")}</button>
        </div>
      </form>`}
  <//>`;
}
