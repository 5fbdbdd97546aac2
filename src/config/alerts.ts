import type { AlertConfig } from "../model/alert-config.js";
import { Secret } from "../model/secret.js";
import type { OptionValues } from "./option-table.js";

type Given = Partial<
  Pick<OptionValues, "pingUrl" | "pingStartUrl" | "pingFailUrl" | "webhookUrl" | "webhookWhen">
>;

/** Who is told of runs: the addresses of one monitor, by its convention, unless others are named. */
export function alertConfig(values: Given): AlertConfig {
  const { pingUrl, pingStartUrl, pingFailUrl, webhookUrl, webhookWhen = "changes" } = values;
  const below = (name: string) => (pingUrl === undefined ? null : addPath(pingUrl, name));
  return {
    pings: {
      start: secret(pingStartUrl === undefined ? below("start") : pingStartUrl),
      success: secret(pingUrl ?? null),
      failure: secret(pingFailUrl === undefined ? below("fail") : pingFailUrl),
    },
    webhook: secret(webhookUrl ?? null),
    webhookWhen,
  };
}

/** All addresses: what no output may contain. */
export function alertSecrets({ pings, webhook }: AlertConfig): Secret[] {
  return [pings.start, pings.success, pings.failure, webhook].filter((url) => url !== null);
}

const secret = (url: string | null) => (url === null ? null : new Secret(url));

/** Behind the path, and before what is asked for. */
function addPath(text: string, name: string): string {
  const url = new URL(text);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${name}`;
  return url.href;
}
