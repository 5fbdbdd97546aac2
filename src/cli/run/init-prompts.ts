import { confirm, isCancel, multiselect, note } from "@clack/prompts";
import type { Candidate } from "../../commands/init/find-candidates.js";
import { SyncError } from "../../model/errors.js";
import { describeSize, nameOf } from "../render/init-report.js";
import { createPaint, type Paint } from "../render/paint.js";

/** Which relations are to be mirrored; all but those of tools are chosen to begin with. */
export async function askWhich(mirrorable: readonly Candidate[], others: number): Promise<Candidate[]> {
  if (others > 0) note(`${others} more cannot be mirrored as they are: datahub-sync init --list says why.`);
  const chosen = await multiselect({
    message: "Which relations are to be mirrored?",
    options: mirrorable.map((candidate) => ({
      value: candidate,
      label: nameOf(candidate),
      hint: describeSize(candidate),
    })),
    initialValues: mirrorable.filter(({ isToolsOwn, listed }) => !isToolsOwn && listed.kind !== "v"),
    required: true,
  });
  if (isCancel(chosen)) throw cancelled();
  return chosen;
}

export async function askWhether(
  render: (paint: Paint) => string,
  title = "To be written",
  question = "Write these files?",
): Promise<boolean> {
  note(render(createPaint(true)), title);
  const agreed = await confirm({ message: question });
  if (isCancel(agreed)) throw cancelled();
  return agreed;
}

function cancelled(): SyncError {
  return new SyncError({ code: "INTERRUPTED", message: "It was cancelled.", remedy: "Nothing was written." });
}
