import * as invented from "./invented.js";
import type { Random } from "./random.js";

/** What a cell of a spreadsheet becomes in `raw_data`. */
export type Cell = string | number | boolean | null | { [key: string]: Cell };

type Kind = (random: Random) => Cell;

/** How full a sheet is: each row fills a share of its cells between these two, 0 to 1. */
export interface Sheet {
  columns: readonly (readonly [key: string, kind: Kind])[];
  minFilled: number;
  maxFilled: number;
}

/** The whole row of a spreadsheet: the cells that are known, and some of the sheet's other ones. */
export function fillRow(random: Random, sheet: Sheet, known: Record<string, Cell>): Record<string, Cell> {
  // Without a prototype V8 keeps a dictionary from the start, which is faster for rows as wide as these.
  const row = Object.assign(Object.create(null) as Record<string, Cell>, known);
  const filled = random.integer(sheet.minFilled * 1000, sheet.maxFilled * 1000) / 1000;
  for (const [key, kind] of sheet.columns) {
    if (key in row || !random.chance(filled)) continue;
    row[key] = random.chance(0.08) ? null : random.chance(0.003) ? { error: "#N/A" } : kind(random);
  }
  return row;
}

const status: Kind = (random) => random.pick(["Done", "Pending", "In progress", "Rejected", "n/a"]);
const date: Kind = (random) => `${invented.day(random)}T00:00:00.000Z`;
const moment: Kind = (random) => `${invented.moment(random).replace(" ", "T")}.${random.integer(100, 999)}Z`;
const flag: Kind = (random) => random.chance(0.7);
const count: Kind = (random) => random.integer(0, 250);
const measure: Kind = (random) => random.integer(-40_000, 40_000) / 1000;
const latitude: Kind = (random) => Number(invented.decimal(random, -26.37, 0.05, 12));
const longitude: Kind = (random) => Number(invented.decimal(random, 27.81, 0.05, 12));
const code: Kind = (random) => `${random.pick(["CB", "PT", "SN", "JC"])}-${random.integer(10_000, 99_999)}`;
const photo: Kind = (random) => `https://example.com/photos/${random.integer(1e8, 9e8)}.jpg`;
const signatureText: Kind = (random) => (random.chance(0.5) ? "Signed" : "");

/** Every subject with every suffix: `stay_status`, `stay_date`, and so on, as wide sheets are made. */
function grid(subjects: readonly string[], suffixes: Readonly<Record<string, Kind>>) {
  return subjects.flatMap((subject) =>
    Object.entries(suffixes).map(([suffix, kind]) => [`${subject}_${suffix}`, kind] as const),
  );
}

const PLAN_COLUMNS = {
  label_1: code,
  type_1: status,
  subtyp_1: status,
  spec_1: code,
  dim1: measure,
  dim2: measure,
  cblcpty_1: count,
  conntr_1: code,
  cmpownr: invented.person,
  lat: latitude,
  lon: longitude,
  pon_no: count,
  zone_no: count,
  address: invented.address,
  mun: invented.address,
  status: status,
  datecrtd: date,
  crtdby: invented.person,
  date_edt: moment,
  editby: invented.person,
  comments: invented.remark,
  strtfeat: code,
  endfeat: code,
  ntwrk_ptn: code,
  subplace: code,
  mainplce: code,
  length_m: measure,
  verified: flag,
} satisfies Record<string, Kind>;

const POLE_WORK = {
  status,
  date,
  by: invented.person,
  reference: code,
  remarks: invented.remark,
} satisfies Record<string, Kind>;

const POLE_SUBJECTS = [
  "permission",
  "planting",
  "stay",
  "crossarm",
  "earthing",
  "cable_entry",
  "dome_joint",
  "inspection",
  "snag",
  "as_built",
  "handover",
  "civil_works",
  "trench",
  "splitter",
];

export const DROP_SHEET: Sheet = { columns: Object.entries(PLAN_COLUMNS), minFilled: 0.6, maxFilled: 0.95 };

export const POLE_SHEET: Sheet = {
  columns: [...Object.entries(PLAN_COLUMNS), ...grid(POLE_SUBJECTS, POLE_WORK)].slice(0, 96),
  minFilled: 0.2,
  maxFilled: 0.5,
};

export const NOKIA_SHEET: Sheet = {
  columns: Object.entries({
    drop_number: code,
    serial_number: code,
    timestamp: moment,
    olt_address: code,
    ont_rx_sig_dbm: measure,
    link_budget_ont_to_olt_db: measure,
    olt_rx_sig_dbm: measure,
    link_budget_olt_to_ont_db: measure,
    status,
    latitude,
    longitude,
    current_ont_rx: measure,
    team: code,
    date,
  }),
  minFilled: 0.5,
  maxFilled: 0.9,
};

export const ACTIVATION_SHEET: Sheet = {
  columns: [
    ...Object.entries({
      date,
      drop_number: code,
      user_name: invented.person,
      completed_photos: invented.remark,
      outstanding_photos: invented.remark,
      comment: invented.remark,
      resubmitted: flag,
      photo_count: count,
      zone: count,
      pon: count,
    }),
    ...grid(
      ["frontage", "wall", "span", "entry_outside", "entry_inside", "ont", "work_area", "ups", "powermeter"],
      { photo, checked_by: invented.person },
    ),
  ],
  minFilled: 0.4,
  maxFilled: 0.8,
};

const SURVEY_COLUMNS = Object.entries({
  property_id: code,
  "1map_nad_id": count,
  job_id: count,
  status,
  flow_name_groups: status,
  site: code,
  sections: code,
  pons: code,
  location_address: invented.address,
  actual_device_location_latitude: latitude,
  actual_device_location_longitude: longitude,
  latitude,
  longitude,
  last_modified_home_sign_ups_by: invented.person,
  last_modified_home_sign_ups_date: moment,
  date_status_changed: moment,
  pole_number: code,
  drop_number: code,
  stand_number: count,
  language: status,
  survey_date: date,
  owner_or_tenant: status,
  special_access_requirements: invented.remark,
  contact_person_name: invented.givenName,
  contact_person_surname: invented.surname,
  contact_number_e_g_0123456789: invented.phoneNumber,
  alternative_contact_number_e_g_0123456789: invented.phoneNumber,
  contact_email_address: invented.emailAddress,
  id_number: invented.identityNumber,
  date_of_signature: date,
  resident_signature: signatureText,
  declaration_accepted: flag,
  estimated_number_of_residents: count,
  distance_to_pole_m: measure,
  height_at_road_crossing_m: measure,
  field_agent_name_home_sign_ups: invented.person,
  field_agent_name_pole_permission: invented.person,
  installer_name: invented.person,
  ont_barcode: code,
  ont_activation_code: code,
  mini_ups_serial_number: code,
  powermeter_reading_at_pole_dbm: measure,
  powermeter_reading_at_ont_dbm: measure,
  "3rd_party_damage": flag,
});

const PHOTO_SUFFIXES = {
  photo,
  latitude,
  longitude,
  taken_by: invented.person,
  taken_at: moment,
  approved: flag,
} satisfies Record<string, Kind>;

const PHOTO_SUBJECTS = [
  "pole_before",
  "pole_during",
  "pole_after",
  "pole_label",
  "pole_depth",
  "stay_wire",
  "property_frontage",
  "wall_location",
  "outside_cable_span",
  "house_entry_outside",
  "house_entry_inside",
  "fibre_entry_to_ont",
  "ont_on_wall",
  "ont_barcode",
  "mini_ups",
  "powermeter_at_pole",
  "powermeter_at_ont",
  "broadband_light",
  "completed_work_area",
  "customer_signature",
  "trench_open",
  "trench_closed",
  "dome_joint",
  "drop_label",
  "splitter_port",
  "customer_letter",
  "permission_form",
  "damage_before",
  "damage_after",
  "site_cleared",
];

const SURVEY = [...SURVEY_COLUMNS, ...grid(PHOTO_SUBJECTS, PHOTO_SUFFIXES)];

export const ONEMAP_POLE_SHEET: Sheet = { columns: SURVEY.slice(0, 129), minFilled: 0.35, maxFilled: 0.8 };
export const ONEMAP_INSTALLATION_SHEET: Sheet = {
  columns: SURVEY.slice(0, 223),
  minFilled: 0.4,
  maxFilled: 0.85,
};
