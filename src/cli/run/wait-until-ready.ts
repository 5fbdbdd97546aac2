import type { SyncConfig } from "../../model/config.js";
import type { Commands } from "../commands.js";
import { showDuration } from "../render/human.js";
import type { Session } from "../session.js";

/** Another job may have to end first. One that does not is not waited for for ever: whatever it writes later, the next run sends. */
export async function waitUntilReady(
  { context, log }: Session,
  config: SyncConfig,
  commands: Commands,
): Promise<void> {
  const { waitFor } = config.settings;
  if (waitFor === null) return;
  const { isReady, waitedMs } = await commands.waitFor({ ...context, config, ...waitFor });
  const waited = showDuration(waitedMs);
  if (!isReady) log.warn(`What --wait-for asks for was not so after ${waited}: the run begins all the same.`);
  else if (waitedMs > 0) log.info(`waited ${waited} for what --wait-for asks for`);
}
