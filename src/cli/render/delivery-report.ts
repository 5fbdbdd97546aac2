import type { Delivery } from "../../alerts/send.js";
import type { ExitCode } from "../../model/errors.js";
import type { Paint } from "./paint.js";

/** What `notify` has tried. */
export interface DeliveryReport {
  ok: boolean;
  exitCode: ExitCode;
  receivers: ({ receiver: string } & Delivery)[];
}

/** A line for each receiver. */
export function renderDeliveries({ ok, receivers }: DeliveryReport, paint: Paint): string {
  const width = Math.max(...receivers.map(({ receiver }) => receiver.length));
  const lines = receivers.map((one) =>
    [
      one.receiver.padEnd(width),
      one.ok ? `${paint.green("delivered")} (${one.status})` : `${paint.red("not delivered")}: ${one.reason}`,
    ].join("  "),
  );
  const closing = ok ? "All have taken it." : "Look at the addresses in the variables named DATAHUB_SYNC_…";
  return [...lines, "", paint.bold(closing)].join("\n");
}
