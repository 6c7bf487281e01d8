// Texts of the server as people read them: what stands between backticks is code, and an author is a name.

import { html } from "./html.js";

const CODE = /`([^`]+)`/;

/** A sentence with its code in code's letters. */
export function Prose({ text }) {
  return html`${text.split(CODE).map((part, index) => (index % 2 ? html`<code key=${index}>${part}</code>` : part))}`;
}

/** `Ada Developer` of `Ada Developer <ada@example.com>`. */
export function personName(author) {
  return author.replace(/\s*<[^<>]*>$/, "") || author;
}
