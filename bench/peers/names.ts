/** How tables name those who mirror, and the floors under them. */
export const OURS = "datahub-sync";
export const CURSOR = "`updated_at` cursor";
export const EVERYTHING = "everything, each time";
export const NULL_SINK = "floor: our load, calls that go nowhere";
export const COPY = "floor: COPY … TO STDOUT";
