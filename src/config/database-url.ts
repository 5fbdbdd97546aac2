import { isLoopback, isPrivateHost } from "./host.js";
import type { Problem } from "./problems.js";
import { Secret } from "../model/secret.js";
import type { DatabaseConfig, SslMode } from "../model/config.js";

/**
 * Parameters that are safe to hand on. postgres.js sends every parameter that it does not know to the server as a
 * startup parameter, and Postgres or PgBouncer refuses the connection for one that it does not know
 * (42704, 08P01): `channel_binding` of Neon's own strings and `pgbouncer` of Prisma's are the usual ones.
 */
const KEPT = new Set(["application_name", "options", "connect_timeout"]);

/** Parts of a connection that libpq accepts as parameters; dropping them would connect to somewhere else. */
const MISPLACED = ["host", "hostaddr", "port", "user", "password", "dbname"];

/** Hosts whose certificates are signed by an authority that Node knows, so that `require` can also verify. */
const PUBLIC_CERTIFICATES = [".neon.tech", ".postgres.database.azure.com"];

export type DatabaseUrlResult =
  | { ok: true; database: DatabaseConfig; secrets: Secret[]; warnings: string[] }
  | { ok: false; problem: Problem };

/** Reads and cleans a connection string. `name` is how messages name the variable; the string itself stays out. */
export function readDatabaseUrl(text: string, name: string): DatabaseUrlResult {
  const refuse = (message: string, remedy: string): DatabaseUrlResult => ({
    ok: false,
    problem: { kind: "invalid", message: `${name} ${message}`, remedy },
  });
  if (text.startsWith("psql ")) {
    return refuse("is a psql command, not a connection string.", "Keep what stands between the quotes only.");
  }
  const url = parse(text);
  if (url === null) {
    return refuse(
      "is not a Postgres connection string.",
      "It looks like postgresql://user:password@host/database. Percent-encode characters such as # / ? % @ in the password.",
    );
  }
  const misplaced = MISPLACED.filter((parameter) => url.searchParams.has(parameter));
  if (misplaced.length > 0) {
    return refuse(
      `has ${misplaced.join(", ")} among its parameters.`,
      "Write them in the URL itself: postgresql://user:password@host:port/database.",
    );
  }
  if (url.hostname === "")
    return refuse("names no host.", "Write it as postgresql://user:password@host/database.");

  const asked =
    url.searchParams.get("sslrootcert") === "system" ? "verify-full" : url.searchParams.get("sslmode");
  const sslMode = chooseSslMode(url.hostname, asked);
  if (sslMode === null) {
    return refuse(
      "has an sslmode that does not exist.",
      "Use disable, prefer, require or verify-full; or leave sslmode out.",
    );
  }
  const warnings: string[] = [];
  if (sslMode === "require") {
    warnings.push(
      `The connection to ${url.hostname} is encrypted, but its certificate is not verified. Use sslmode=verify-full if an authority that Node knows signed it (NODE_EXTRA_CA_CERTS adds your own).`,
    );
  }
  for (const parameter of [...url.searchParams.keys()]) {
    if (!KEPT.has(parameter)) url.searchParams.delete(parameter);
  }
  url.searchParams.set("sslmode", sslMode);
  url.hash = "";
  return {
    ok: true,
    database: {
      url: new Secret(url.href),
      host: url.hostname,
      port: url.port === "" ? 5432 : Number(url.port),
      database: decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username),
      sslMode,
    },
    secrets: passwordSecrets(url),
    warnings,
  };
}

/** The password, unless it is a well-known one that would be found in every other word. */
function passwordSecrets(url: URL): Secret[] {
  const password = decodeURIComponent(url.password);
  const known = [decodeURIComponent(url.username), url.pathname.slice(1), url.hostname, "postgres"];
  return password.length < 4 || known.includes(password) ? [] : [new Secret(password)];
}

function parse(text: string): URL | null {
  if (!/^postgres(ql)?:\/\//.test(text) || /\s/.test(text)) return null;
  try {
    const url = new URL(text);
    // postgres.js decodes these itself, and throws an error that quotes them.
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
    // A # in a password starts a fragment, and leaves a host that is really the user.
    return url.hash === "" ? url : null;
  } catch {
    return null;
  }
}

/**
 * `require` means "encrypt, whoever answers" to libpq and postgres.js alike. Where a public authority has signed the
 * certificate it is verified too. On the loopback interface TLS is used if it is offered.
 */
function chooseSslMode(host: string, asked: string | null): SslMode | null {
  switch (asked) {
    case "disable":
      return "disable";
    case "verify-full":
    case "verify-ca":
      return "verify-full";
    case "allow":
    case "prefer":
      return "prefer";
    case "require":
      if (isLoopback(host)) return "prefer";
      return PUBLIC_CERTIFICATES.some((suffix) => host.toLowerCase().endsWith(suffix))
        ? "verify-full"
        : "require";
    case null:
      if (isLoopback(host)) return "disable";
      return isPrivateHost(host) ? "prefer" : chooseSslMode(host, "require");
    default:
      return null;
  }
}
