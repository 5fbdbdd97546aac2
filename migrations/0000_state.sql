-- IF NOT EXISTS: the migrator has made the schema for its own journal already.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
CREATE SCHEMA IF NOT EXISTS "datahub_sync";
--> statement-breakpoint
-- Immutable as it is used: the server's encoding does not change.
CREATE FUNCTION datahub_sync.key_digest(key text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT sha256(convert_to(key, 'UTF8'));
$function$;
--> statement-breakpoint
CREATE TABLE "datahub_sync"."changes" (
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "datahub_sync"."changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 64),
	"tracked_id" integer NOT NULL,
	"kind" text NOT NULL,
	"key" text
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."leases" (
	"target_id" integer PRIMARY KEY NOT NULL,
	"epoch" bigint NOT NULL,
	"nonce" text NOT NULL,
	"holder" text NOT NULL,
	"acquired_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"released" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."mirrors" (
	"target_id" integer NOT NULL,
	"name" text NOT NULL,
	"tracked_id" integer NOT NULL,
	"watermark" "pg_snapshot",
	"watermark_at" timestamp with time zone,
	"seen" jsonb,
	"nonce" text,
	"run_nonce" text,
	"run_prior_nonce" text,
	"run_mode" text,
	"run_snapshot" "pg_snapshot",
	"run_snapshot_at" timestamp with time zone,
	"run_seen" jsonb,
	"run_history" text,
	"run_cursor" jsonb,
	"run_final_nonce" text,
	"last_delta_at" timestamp with time zone,
	"last_delta_outcome" text,
	"last_full_at" timestamp with time zone,
	"last_full_outcome" text,
	"changes_read" bigint DEFAULT 0 NOT NULL,
	"timestamps_read" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "mirrors_target_id_name_pk" PRIMARY KEY("target_id","name")
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."pending_deletions" (
	"target_id" integer NOT NULL,
	"mirror" text NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"digest" "bytea" GENERATED ALWAYS AS (datahub_sync.key_digest(key)) STORED NOT NULL,
	"found_by" text NOT NULL,
	"found_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pending_deletions_target_id_mirror_kind_digest_pk" PRIMARY KEY("target_id","mirror","kind","digest")
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."rejected_rows" (
	"target_id" integer NOT NULL,
	"mirror" text NOT NULL,
	"key" text NOT NULL,
	"digest" "bytea" GENERATED ALWAYS AS (datahub_sync.key_digest(key)) STORED NOT NULL,
	"code" text NOT NULL,
	"column_name" text,
	"reason" text NOT NULL,
	"first_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "rejected_rows_target_id_mirror_digest_pk" PRIMARY KEY("target_id","mirror","digest")
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"target_id" integer NOT NULL,
	"mode" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"exit_code" integer,
	"report" jsonb
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."source" (
	"singleton" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."targets" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "datahub_sync"."targets_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"url" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."tracked_tables" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "datahub_sync"."tracked_tables_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"relation_oid" "oid" NOT NULL,
	"schema_name" text NOT NULL,
	"table_name" text NOT NULL,
	"key_columns" text[] NOT NULL,
	"compared_columns" text[] NOT NULL,
	"ignored_columns" text[] NOT NULL,
	"updated_at_mode" text NOT NULL,
	"columns" jsonb NOT NULL,
	"triggers" jsonb NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"tracked_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datahub_sync"."tracking_claims" (
	"tracked_id" integer NOT NULL,
	"target" text NOT NULL,
	"columns" text[] NOT NULL,
	"ignored" text[] NOT NULL,
	"updated_at_mode" text NOT NULL,
	CONSTRAINT "tracking_claims_tracked_id_target_pk" PRIMARY KEY("tracked_id","target")
);
--> statement-breakpoint
ALTER TABLE "datahub_sync"."leases" ADD CONSTRAINT "leases_target_id_targets_id_fk" FOREIGN KEY ("target_id") REFERENCES "datahub_sync"."targets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datahub_sync"."mirrors" ADD CONSTRAINT "mirrors_target_id_targets_id_fk" FOREIGN KEY ("target_id") REFERENCES "datahub_sync"."targets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datahub_sync"."pending_deletions" ADD CONSTRAINT "pending_deletions_target_id_targets_id_fk" FOREIGN KEY ("target_id") REFERENCES "datahub_sync"."targets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datahub_sync"."rejected_rows" ADD CONSTRAINT "rejected_rows_target_id_targets_id_fk" FOREIGN KEY ("target_id") REFERENCES "datahub_sync"."targets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datahub_sync"."runs" ADD CONSTRAINT "runs_target_id_targets_id_fk" FOREIGN KEY ("target_id") REFERENCES "datahub_sync"."targets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "datahub_sync"."tracking_claims" ADD CONSTRAINT "tracking_claims_tracked_id_tracked_tables_id_fk" FOREIGN KEY ("tracked_id") REFERENCES "datahub_sync"."tracked_tables"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "changes_order" ON "datahub_sync"."changes" USING btree ("tracked_id","xid","id");--> statement-breakpoint
CREATE INDEX "runs_started" ON "datahub_sync"."runs" USING btree ("target_id","started_at");--> statement-breakpoint
CREATE UNIQUE INDEX "targets_url" ON "datahub_sync"."targets" USING btree ("url");--> statement-breakpoint
CREATE UNIQUE INDEX "tracked_tables_relation" ON "datahub_sync"."tracked_tables" USING btree ("relation_oid");