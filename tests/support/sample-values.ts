import { OF_EXTENSIONS, OF_POSTGRES, OF_USERS } from "./catalog-samples.js";
import { DOCUMENTS } from "./document-samples.js";
import type { Samples } from "./samples.js";
import { NUMBERS, TEXTS, TIMES } from "./scalar-samples.js";
import { ARRAYS, GEOMETRY, NETWORKS, RANGES, TEXT_SEARCH } from "./structured-samples.js";

/** By kind, in the order in which the tests name them. */
export const SAMPLES_BY_KIND: Record<string, Samples[]> = {
  numbers: NUMBERS,
  texts: TEXTS,
  times: TIMES,
  documents: DOCUMENTS,
  networks: NETWORKS,
  "text search": TEXT_SEARCH,
  geometry: GEOMETRY,
  ranges: RANGES,
  "of users": OF_USERS,
  "of extensions": OF_EXTENSIONS,
  "of Postgres itself": OF_POSTGRES,
  arrays: ARRAYS,
};

export const SAMPLES: readonly Samples[] = Object.values(SAMPLES_BY_KIND).flat();
