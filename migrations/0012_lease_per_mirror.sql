-- A lease a mirror, in the place of one for each deployment. A run that is going on loses its lease: the next one resumes it.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
ALTER TABLE "datahub_sync"."targets" ADD COLUMN "epoch" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "datahub_sync"."targets" ADD COLUMN "exclusive_nonce" text;--> statement-breakpoint
ALTER TABLE "datahub_sync"."targets" ADD COLUMN "exclusive_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "datahub_sync"."targets" ADD COLUMN "write_shares" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
UPDATE "datahub_sync"."targets" t SET "epoch" = l."epoch" FROM "datahub_sync"."leases" l WHERE l."target_id" = t."id";--> statement-breakpoint
DELETE FROM "datahub_sync"."leases";--> statement-breakpoint
ALTER TABLE "datahub_sync"."leases" DROP CONSTRAINT "leases_pkey";--> statement-breakpoint
ALTER TABLE "datahub_sync"."leases" ADD COLUMN "mirror" text NOT NULL;--> statement-breakpoint
ALTER TABLE "datahub_sync"."leases" ADD CONSTRAINT "leases_target_id_mirror_pk" PRIMARY KEY("target_id","mirror");
