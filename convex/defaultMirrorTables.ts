import { defineTable } from "convex/server";
import { v } from "convex/values";
import { mirrored } from "./datahubSync/mirrored.js";

// Postgres type to Convex type. `numeric` here has a declared precision of at most 15 digits, which a double
// gives back exactly; dates and timestamps are ISO 8601 text with microseconds.
const text = mirrored(v.string());
const uuid = text;
const timestamp = text;
const date = text;
const integer = mirrored(v.number());
const numeric = mirrored(v.number());
const boolean = mirrored(v.boolean());
// A jsonb value can be anything that JSON can be, an array or a bare string too: `v.record` would refuse it.
const json = mirrored(v.any());

/** Columns that every source table has, but `sync_timestamp`, which changes without the content changing. */
const commonColumns = {
  id: uuid,
  project_id: uuid,
  source_file: text,
  raw_data: json,
  created_at: timestamp,
  updated_at: timestamp,
};

const onemapColumns = {
  ...commonColumns,
  property_id: text,
  onemap_nad_id: text,
  job_id: text,
  status: text,
  flow_name_groups: text,
  site: text,
  sections: text,
  pons: text,
  location_address: text,
  actual_device_location_latitude: numeric,
  actual_device_location_longitude: numeric,
  lst_mod_by: text,
  lst_mod_dt: timestamp,
  date_status_changed: timestamp,
  pole_number: text,
  language: text,
  survey_date: timestamp,
};

const activationColumns = {
  ...commonColumns,
  date: timestamp,
  drop_number: text,
  source: text,
  step_1_property_frontage: boolean,
  step_2_location_on_wall: boolean,
  step_3_outside_cable_span: boolean,
  step_4_home_entry_outside: boolean,
  step_5_home_entry_inside: boolean,
  step_6_fibre_entry_to_ont: boolean,
  step_7_work_area_completion: boolean,
  step_8_ont_barcode: boolean,
  step_9_mini_ups_serial: boolean,
  step_10_powermeter_before_activation: boolean,
  step_11_active_broadband_light: boolean,
  step_12_customer_signature: boolean,
  completed_photos: text,
  outstanding_photos: text,
  user_name: text,
  outstanding_photos_loaded_1map: boolean,
  qa_completed_loaded_sp: boolean,
  comment: text,
  zone_no: integer,
  pon_no: integer,
};

/**
 * The seven tables of the default configuration. Only the sync writes them. One index each, on the natural key
 * that apps look up (not unique in the source): Convex stores and bills every index as another copy of the table.
 * Further ones are the app's to add.
 * @example
 * ```ts
 * // convex/mirrors.ts
 * import { defaultMirrorTables } from "datahub-sync/convex";
 *
 * export const mirrorTables = {
 *   ...defaultMirrorTables,
 *   sow_poles: defaultMirrorTables.sow_poles.index("by_source_id", ["id"]),
 * };
 * ```
 */
export const defaultMirrorTables = {
  sow_poles: defineTable({
    ...commonColumns,
    pole_number: text,
    latitude: numeric,
    longitude: numeric,
    status: text,
    pole_type: text,
    pole_spec: text,
    height: text,
    diameter: text,
    owner: text,
    pon_no: integer,
    zone_no: integer,
    address: text,
    municipality: text,
    created_date: timestamp,
    created_by: text,
    comments: text,
  }).index("by_pole_number", ["pole_number"]),

  sow_drops: defineTable({
    ...commonColumns,
    drop_number: text,
    pole_number: text,
    latitude: numeric,
    longitude: numeric,
    status: text,
    address: text,
    municipality: text,
    pon_no: integer,
    zone_no: integer,
    contractor: text,
    cable_capacity: text,
    created_date: timestamp,
    created_by: text,
    comments: text,
  }).index("by_drop_number", ["drop_number"]),

  nokia_exports: defineTable({
    ...commonColumns,
    drop_number: text,
    serial_number: text,
    timestamp: timestamp,
    olt_address: text,
    ont_rx_sig_dbm: numeric,
    link_budget_ont_to_olt_db: numeric,
    olt_rx_sig_dbm: numeric,
    link_budget_olt_to_ont_db: numeric,
    status: text,
    latitude: numeric,
    longitude: numeric,
    current_ont_rx: numeric,
    team: text,
    date: date,
  }).index("by_drop_number", ["drop_number"]),

  onemap_installations: defineTable({ ...onemapColumns, drop_number: text }).index("by_property_id", [
    "property_id",
  ]),

  onemap_poles: defineTable(onemapColumns).index("by_property_id", ["property_id"]),

  lawley_activations: defineTable(activationColumns).index("by_drop_number", ["drop_number"]),

  mohadin_activations: defineTable(activationColumns).index("by_drop_number", ["drop_number"]),
};
