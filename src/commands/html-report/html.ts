/** A piece of HTML: what is put into it as text is escaped. */
export class Html {
  constructor(readonly source: string) {}
}

type Content = Html | string | number | readonly Content[] | null;

/** `html\`<b>${text}</b>\``: texts are escaped, pieces are taken as they are, lists are joined. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(
    parts.reduce((all, part, place) => `${all}${toSource(contents[place - 1] ?? null)}${part}`),
  );
}

function toSource(content: Content): string {
  if (content === null) return "";
  if (content instanceof Html) return content.source;
  if (typeof content === "object") return content.map(toSource).join("");
  return String(content)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Data for a script of the page: nothing in it can end the element that it stands in. */
export function json(data: unknown): Html {
  return new Html(JSON.stringify(data).replaceAll("<", "\\u003c"));
}
