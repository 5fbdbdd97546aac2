import {
  boolean,
  date,
  integer,
  jsonb,
  numeric,
  pgTable,
  text,
  timestamp,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";

/**
 * The seven tables of the default configuration, as the job that fills them made them. Production has them
 * already: these are for the local deployment, the demo and the tests. Properties bear the columns' names,
 * for whoever writes to these tables writes to columns.
 */

/** The owner's timestamps carry no time zone; a JS Date would read them in the local one. */
const localTimestamp = () => timestamp({ mode: "string" });

const id = () => uuid().primaryKey().defaultRandom();

/** Columns that every table has. `raw_data` is the whole row of the spreadsheet. */
const meta = () => ({
  project_id: uuid(),
  sync_timestamp: localTimestamp().defaultNow(),
  source_file: varchar({ length: 500 }),
  raw_data: jsonb().$type<Record<string, unknown>>(),
  created_at: localTimestamp().defaultNow(),
  updated_at: localTimestamp().defaultNow(),
});

export const sowPoles = pgTable("sow_poles", {
  id: id(),
  pole_number: varchar({ length: 255 }),
  latitude: numeric({ precision: 10, scale: 8 }),
  longitude: numeric({ precision: 11, scale: 8 }),
  status: text(),
  pole_type: varchar({ length: 100 }),
  pole_spec: varchar({ length: 100 }),
  height: varchar({ length: 50 }),
  diameter: varchar({ length: 50 }),
  owner: varchar({ length: 255 }),
  pon_no: integer(),
  zone_no: integer(),
  address: text(),
  municipality: varchar({ length: 255 }),
  created_date: localTimestamp(),
  created_by: varchar({ length: 255 }),
  comments: text(),
  ...meta(),
});

export const sowDrops = pgTable("sow_drops", {
  id: id(),
  drop_number: varchar({ length: 255 }),
  pole_number: varchar({ length: 255 }),
  latitude: numeric({ precision: 10, scale: 8 }),
  longitude: numeric({ precision: 11, scale: 8 }),
  status: text(),
  address: text(),
  municipality: varchar({ length: 255 }),
  pon_no: integer(),
  zone_no: integer(),
  contractor: varchar({ length: 100 }),
  cable_capacity: varchar({ length: 50 }),
  created_date: localTimestamp(),
  created_by: varchar({ length: 255 }),
  comments: text(),
  ...meta(),
});

const decibels = () => numeric({ precision: 10, scale: 3 });

export const nokiaExports = pgTable("nokia_exports", {
  id: id(),
  drop_number: varchar({ length: 255 }),
  serial_number: varchar({ length: 255 }),
  timestamp: localTimestamp(),
  olt_address: varchar({ length: 255 }),
  ont_rx_sig_dbm: decibels(),
  link_budget_ont_to_olt_db: decibels(),
  olt_rx_sig_dbm: decibels(),
  link_budget_olt_to_ont_db: decibels(),
  status: varchar({ length: 100 }),
  latitude: numeric({ precision: 10, scale: 8 }),
  longitude: numeric({ precision: 11, scale: 8 }),
  current_ont_rx: numeric({ precision: 15, scale: 6 }),
  team: varchar({ length: 100 }),
  date: date({ mode: "string" }),
  ...meta(),
});

/** 1Map's survey of a property, without the drop that only an installation has. */
const onemapBeforeDrop = () => ({
  id: id(),
  property_id: varchar({ length: 255 }),
  onemap_nad_id: varchar({ length: 255 }),
  job_id: varchar({ length: 255 }),
  status: text(),
  flow_name_groups: text(),
  site: varchar({ length: 100 }),
  sections: varchar({ length: 100 }),
  pons: varchar({ length: 100 }),
  location_address: text(),
  actual_device_location_latitude: numeric({ precision: 15, scale: 10 }),
  actual_device_location_longitude: numeric({ precision: 15, scale: 10 }),
  lst_mod_by: varchar({ length: 255 }),
  lst_mod_dt: localTimestamp(),
  date_status_changed: localTimestamp(),
  pole_number: varchar({ length: 255 }),
});

const onemapAfterDrop = () => ({
  language: varchar({ length: 100 }),
  survey_date: localTimestamp(),
  ...meta(),
});

export const onemapInstallations = pgTable("onemap_installations", {
  ...onemapBeforeDrop(),
  drop_number: varchar({ length: 255 }),
  ...onemapAfterDrop(),
});

export const onemapPoles = pgTable("onemap_poles", { ...onemapBeforeDrop(), ...onemapAfterDrop() });

/** The quality checks of an activated drop: twelve photographs, each there or not. */
const activation = () => ({
  id: id(),
  date: localTimestamp(),
  drop_number: varchar({ length: 255 }).unique(),
  source: varchar({ length: 50 }),
  step_1_property_frontage: boolean(),
  step_2_location_on_wall: boolean(),
  step_3_outside_cable_span: boolean(),
  step_4_home_entry_outside: boolean(),
  step_5_home_entry_inside: boolean(),
  step_6_fibre_entry_to_ont: boolean(),
  step_7_work_area_completion: boolean(),
  step_8_ont_barcode: boolean(),
  step_9_mini_ups_serial: boolean(),
  step_10_powermeter_before_activation: boolean(),
  step_11_active_broadband_light: boolean(),
  step_12_customer_signature: boolean(),
  completed_photos: text(),
  outstanding_photos: text(),
  user_name: varchar({ length: 255 }),
  outstanding_photos_loaded_1map: boolean(),
  qa_completed_loaded_sp: boolean(),
  comment: text(),
  ...meta(),
  zone_no: integer(),
  pon_no: integer(),
});

export const lawleyActivations = pgTable("lawley_activations", activation());
export const mohadinActivations = pgTable("mohadin_activations", activation());
