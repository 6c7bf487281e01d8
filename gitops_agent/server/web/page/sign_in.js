// Signing in with a Kubernetes token, or by the provider that the server names.

import { useState } from "../vendor/hooks.js";
import { Command } from "./copyable.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { RefusalView } from "./refusal_view.js";
import { session, signIn } from "./session.js";
import { t } from "./words.js";

export function SignIn({ done }) {
  const [token, setToken] = useState("");
  const [refusal, setRefusal] = useState(null);
  const { mode, issuer } = session.value;
  const login = `/auth/login?return=${encodeURIComponent(location.pathname + location.search)}`;
  const submit = async (event) => {
    event.preventDefault();
    try {
      setRefusal(null);
      if (await signIn(token.trim())) {
        done();
      }
    } catch (problem) {
      setRefusal(problem);
    }
  };
  return html`<main class="sign-in"><div class="card">
    <p class="brand"><${Icon} name="logo" /> gitops-agent</p>
    <h1>${t("signIn.title")}</h1>
    ${mode === "oidc" && html`<p><a class="button button-primary" href=${login}
        target="_self">${t("signIn.oidc", { issuer: issuer || "OpenID Connect" })}</a>
      </p>`}
    ${mode === "oidc" && html`<p class="muted">${t("signIn.oidcText")}</p>`}
    ${mode === "proxy" && html`<p>${t("signIn.proxy")}</p>`}
    ${(mode === "token" || mode === "laptop") && html`<form class="form" onSubmit=${submit}>
      <p>${t(`signIn.${mode}`)}</p>
      <${Command} text=${mode === "token" ? "kubectl create token NAME --duration 8h" : "gitops-agent dashboard"} />
      <label class="form-field"><span>${t(mode === "token" ? "signIn.tokenField" : "signIn.code")}</span>
        <input type="password" value=${token} autocomplete="off" required
            onInput=${(event) => setToken(event.currentTarget.value)} />
          </label>
      ${refusal && html`<${RefusalView} refusal=${refusal} />`}
      <button type="submit" class="button button-primary">${t("signIn.button")}</button>
    </form>`}
  </div></main>`;
}
