import type { Secret } from "../../model/secret.js";

const SHOWN = "[secret]";

/** Connection strings are recognised even when nobody registered them; but for the one by which messages show the form. */
const CONNECTION_STRING = /\bpostgres(?:ql)?:\/\/(?!user:password@host(?::port)?\/database\b)[^\s"'`<>]+/gi;

/** Removes secrets from text, in the last step before it is written (invariant 11). */
export class Scrubber {
  readonly #forms = new Set<string>();

  /** From now on this value is removed, in each form that it takes inside JSON or a URL. */
  register(secret: Secret): void {
    const value = secret.reveal();
    if (value === "") return;
    this.#forms.add(value);
    this.#forms.add(JSON.stringify(value).slice(1, -1));
    this.#forms.add(encodeURIComponent(value));
  }

  scrub(text: string): string {
    // The longest first: a password is part of its connection string.
    const forms = [...this.#forms].sort((a, b) => b.length - a.length);
    const known = forms.reduce((rest, form) => rest.replaceAll(form, SHOWN), text);
    return known.replace(CONNECTION_STRING, SHOWN);
  }
}
