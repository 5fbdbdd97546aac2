ALTER TABLE "datahub_sync"."mirrors" ADD COLUMN "document_bytes" double precision;--> statement-breakpoint
ALTER TABLE "datahub_sync"."mirrors" ADD COLUMN "key_bytes" double precision;--> statement-breakpoint
ALTER TABLE "datahub_sync"."runs" ADD COLUMN "calls" integer;--> statement-breakpoint
ALTER TABLE "datahub_sync"."runs" ADD COLUMN "bytes_read" bigint;--> statement-breakpoint
ALTER TABLE "datahub_sync"."runs" ADD COLUMN "bytes_written" bigint;--> statement-breakpoint
ALTER TABLE "datahub_sync"."runs" ADD COLUMN "loaded" boolean;