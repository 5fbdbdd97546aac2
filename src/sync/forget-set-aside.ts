import type { MirrorRun } from "./mirror-run.js";

/**
 * A row that was set aside and is gone has no deletion to be noticed by: Convex never held it. One that is in the
 * mirror by now was mended by a run that crashed before it could say so.
 */
export async function forgetOldSetAside({ context, effects, convex, reader }: MirrorRun): Promise<void> {
  for await (const keys of effects.setAsideKeys(context.settings.pageHashes)) {
    const living = await reader.existing(keys);
    const gone = keys.filter((key) => !living.has(key));
    const mirrored = await convex.lookupKeys(keys);
    await effects.forgetSetAside([...gone, ...mirrored.keys()]);
  }
}
