import type * as source from "../../drizzle/source.js";
import * as invented from "./invented.js";
import type { Random } from "./random.js";
import * as sheets from "./sheet.js";

/** Makes the row of that index. Indexes are unlimited: new rows come after those of the first fill. */
export type MakeRow<Table extends { $inferInsert: object }> = (
  random: Random,
  index: number,
) => Required<Table["$inferInsert"]>;

const SITES = [
  { name: "LAWLEY", prefix: "LAW", projectId: "5f3c1c52-6f0e-4f0e-9a38-0b1c2d3e4f50" },
  { name: "MOHADIN", prefix: "MOH", projectId: "8d0a7b14-2c9d-4a6b-b7e5-1f2e3d4c5b6a" },
] as const;
type Site = (typeof SITES)[number];

const pickSite = (random: Random): Site => SITES[random.chance(0.8) ? 0 : 1];

export const makePole: MakeRow<typeof source.sowPoles> = (random, index) => {
  const site = pickSite(random);
  const plan = {
    pole_number: orNull(random, 0.005, poleNumber(site, duplicated(random, index))),
    ...place(random, 8),
    status: permission(random),
    pole_type: random.pick(["Wood", "Steel", "Concrete"]),
    pole_spec: random.pick(["H4SANS754", "Creosote", "CCA"]),
    height: random.pick(["7m", "9m", "11m"]),
    diameter: random.pick(["120-140mm", "140-160mm"]),
    owner: orNull(random, 0.3, invented.person(random)),
    ...network(random),
    address: orNull(random, 0.2, invented.address(random)),
    municipality: "Testville Metropolitan Municipality",
    created_date: invented.moment(random),
    created_by: invented.person(random),
    comments: orNull(random, 0.6, invented.remark(random)),
  };
  const cells = {
    label_1: plan.pole_number,
    status: plan.status,
    lat: Number(plan.latitude),
    ...networkCells(plan),
  };
  return {
    ...plan,
    ...meta(random, site, "HLD_Pole.xlsx", sheets.fillRow(random, sheets.POLE_SHEET, cells)),
  };
};

export const makeDrop: MakeRow<typeof source.sowDrops> = (random, index) => {
  const site = pickSite(random);
  const plan = {
    drop_number: orNull(random, 0.005, dropNumber(duplicated(random, index))),
    pole_number: orNull(random, 0.1, poleNumber(site, random.integer(0, 4_499))),
    ...place(random, 8),
    status: random.pick(["Planned", "Installed", "Activated", null]),
    address: orNull(random, 0.2, invented.address(random)),
    municipality: "Testville Metropolitan Municipality",
    ...network(random),
    contractor: random.pick(["Velocity Example", "Sample Civils", null]),
    cable_capacity: random.pick(["1F", "2F", "4F"]),
    created_date: invented.moment(random),
    created_by: invented.person(random),
    comments: orNull(random, 0.8, invented.remark(random)),
  };
  const cells = { label_1: plan.drop_number, strtfeat: plan.pole_number, ...networkCells(plan) };
  return {
    ...plan,
    ...meta(random, site, "HLD_Home.xlsx", sheets.fillRow(random, sheets.DROP_SHEET, cells)),
  };
};

export const makeNokiaExport: MakeRow<typeof source.nokiaExports> = (random, index) => {
  const site = pickSite(random);
  const reading = {
    drop_number: orNull(random, 0.02, dropNumber(duplicated(random, index))),
    serial_number: `ALCL:B46${random.integer(0x10000, 0xfffff).toString(16).toUpperCase()}`,
    timestamp: invented.moment(random),
    olt_address: `${site.name.toLowerCase()}.olt.example.com:1-1-${random.integer(1, 16)}-${random.integer(1, 128)}`,
    ont_rx_sig_dbm: invented.decimal(random, -20, 8, 3),
    link_budget_ont_to_olt_db: invented.decimal(random, 21, 6, 3),
    olt_rx_sig_dbm: orNull(random, 0.05, invented.decimal(random, -22, 8, 3)),
    link_budget_olt_to_ont_db: orNull(random, 0.05, invented.decimal(random, 22, 6, 3)),
    status: random.pick(["Active", "Inactive", "Low signal"]),
    ...place(random, 8),
    current_ont_rx: invented.decimal(random, -20, 8, 6),
    team: orNull(random, 0.3, `Team ${random.integer(1, 12)}`),
    date: invented.day(random),
  };
  const cells = { drop_number: reading.drop_number, ont_rx_sig_dbm: Number(reading.ont_rx_sig_dbm) };
  return {
    ...reading,
    ...meta(random, site, "Nokia_Exp.xlsx", sheets.fillRow(random, sheets.NOKIA_SHEET, cells)),
  };
};

export const makeOnemapInstallation: MakeRow<typeof source.onemapInstallations> = (random, index) =>
  makeSurvey(random, index, sheets.ONEMAP_INSTALLATION_SHEET, "1Map_Ins.xlsx", {
    drop_number: orNull(random, 0.15, dropNumber(duplicated(random, index))),
  });

export const makeOnemapPole: MakeRow<typeof source.onemapPoles> = (random, index) =>
  makeSurvey(random, index, sheets.ONEMAP_POLE_SHEET, "1Map_Pole.xlsx", {});

function makeSurvey<Extra extends Record<string, string | null>>(
  random: Random,
  index: number,
  sheet: sheets.Sheet,
  file: string,
  extra: Extra,
) {
  const site = pickSite(random);
  const { latitude, longitude } = place(random, 10);
  const survey = {
    property_id: orNull(random, 0.01, String(240_000 + duplicated(random, index))),
    onemap_nad_id: String(random.integer(1_000_000, 9_999_999)),
    job_id: orNull(random, 0.1, String(random.integer(100_000, 999_999))),
    status: permission(random),
    flow_name_groups: random.pick(["Pole Permission", "Home Sign Ups; Home Installations", null]),
    site: site.name,
    sections: random.pick(["A", "B", "C", null]),
    pons: `C${random.integer(1, 9)}P${random.integer(1, 20)}`,
    location_address: invented.address(random),
    actual_device_location_latitude: orNull(random, 0.2, latitude),
    actual_device_location_longitude: orNull(random, 0.2, longitude),
    lst_mod_by: invented.person(random),
    lst_mod_dt: invented.moment(random),
    date_status_changed: orNull(random, 0.1, invented.moment(random)),
    pole_number: orNull(random, 0.2, poleNumber(site, random.integer(0, 4_499))),
    ...extra,
    language: random.pick(["English", "isiZulu", "Sesotho", null]),
    survey_date: orNull(random, 0.1, invented.moment(random)),
  };
  const cells = {
    property_id: survey.property_id,
    "1map_nad_id": survey.onemap_nad_id,
    status: survey.status,
    site: survey.site,
    pons: survey.pons,
    pole_number: survey.pole_number,
    ...extra,
  };
  return { ...survey, ...meta(random, site, file, sheets.fillRow(random, sheet, cells)) };
}

export const makeLawleyActivation: MakeRow<typeof source.lawleyActivations> = (random, index) =>
  makeActivation(random, index, SITES[0], "Lawley_QA.xlsx");

export const makeMohadinActivation: MakeRow<typeof source.mohadinActivations> = (random, index) =>
  makeActivation(random, index, SITES[1], "Mohadin_QA.xlsx");

function makeActivation(random: Random, index: number, site: Site, file: string) {
  const step = () => orNull(random, 0.05, random.chance(0.85));
  const activation = {
    date: invented.moment(random),
    drop_number: dropNumber(index), // unique here, so never duplicated and never null
    source: random.pick(["WhatsApp", "1Map"]),
    step_1_property_frontage: step(),
    step_2_location_on_wall: step(),
    step_3_outside_cable_span: step(),
    step_4_home_entry_outside: step(),
    step_5_home_entry_inside: step(),
    step_6_fibre_entry_to_ont: step(),
    step_7_work_area_completion: step(),
    step_8_ont_barcode: step(),
    step_9_mini_ups_serial: step(),
    step_10_powermeter_before_activation: step(),
    step_11_active_broadband_light: step(),
    step_12_customer_signature: step(),
    completed_photos: "1, 2, 3, 5, 6, 8, 10, 11",
    outstanding_photos: orNull(random, 0.4, "4, 7, 9, 12"),
    user_name: invented.person(random),
    outstanding_photos_loaded_1map: orNull(random, 0.2, random.chance(0.5)),
    qa_completed_loaded_sp: orNull(random, 0.2, random.chance(0.5)),
    comment: orNull(random, 0.5, invented.remark(random)),
  };
  const cells = {
    _source: file,
    drop_number: activation.drop_number,
    user_name: activation.user_name,
    step_1_property_frontage: activation.step_1_property_frontage,
    step_12_customer_signature: activation.step_12_customer_signature,
  };
  return {
    ...activation,
    ...meta(random, site, file, sheets.fillRow(random, sheets.ACTIVATION_SHEET, cells)),
    ...network(random),
  };
}

function meta(random: Random, site: Site, file: string, rawData: Record<string, sheets.Cell>) {
  const microseconds = () => String(random.integer(0, 999_999)).padStart(6, "0");
  return {
    id: random.uuid(),
    project_id: orNull(random, 0.05, site.projectId),
    sync_timestamp: `2025-10-31 12:${random.integer(10, 22)}:07.${microseconds()}`,
    source_file: orNull(random, 0.02, `Shared Documents/${site.name}/${file}`),
    raw_data: orNull(random, 0.001, rawData),
    created_at: `2025-10-${random.integer(10, 20)} 08:03:41.${microseconds()}`,
    updated_at: `2025-10-31 12:${random.integer(10, 22)}:07.${microseconds()}`,
  };
}

const place = (random: Random, digits: 8 | 10) => ({
  latitude: invented.decimal(random, -26.37, 0.05, digits),
  longitude: invented.decimal(random, 27.81, 0.05, digits),
});

const network = (random: Random) => ({
  pon_no: orNull(random, 0.05, random.integer(1, 250)),
  zone_no: orNull(random, 0.05, random.integer(1, 40)),
});

const networkCells = ({ pon_no, zone_no }: ReturnType<typeof network>) => ({ pon_no, zone_no });

const permission = (random: Random) =>
  random.pick([
    "Permission not granted",
    "Pole Permission: Approved",
    "Home Sign Ups: Approved",
    "Declined",
    null,
  ]);

/** `LAW.P.A002`: a letter and three digits, and more letters when the alphabet is used up. */
function poleNumber(site: Site, index: number): string {
  const letters = Math.floor(index / 1_000);
  const series = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[letters % 26]! + (letters < 26 ? "" : Math.floor(letters / 26));
  return `${site.prefix}.P.${series}${String(index % 1_000).padStart(3, "0")}`;
}

const dropNumber = (index: number) => `DR${1_700_000 + index}`;

/** Natural keys are not unique: some rows bear the number of the one before. */
const duplicated = (random: Random, index: number) => (index > 0 && random.chance(0.02) ? index - 1 : index);

function orNull<T>(random: Random, probability: number, value: T): T | null {
  return random.chance(probability) ? null : value;
}
