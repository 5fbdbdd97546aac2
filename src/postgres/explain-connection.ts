import type { SyncErrorOptions } from "../model/errors.js";
import type { PoolerRefusal } from "./database-error.js";

export type Explanation = Omit<SyncErrorOptions, "cause" | "table">;

/** What a server said, as the driver hands it on. */
export interface ServerError extends Error {
  code?: string;
  severity?: string;
  hint?: string;
}

/** Why a pooler will not let a client in. */
export function explainPooler(refusal: PoolerRefusal | null): Explanation | null {
  switch (refusal?.kind) {
    case undefined:
      return null;
    case "parameter": {
      const { name, inOptions } = refusal;
      const what = inOptions ? `-c ${name} in its options` : name;
      return {
        code: "CONFIG_INVALID",
        message: `The pooler does not take the start-up parameter ${name} (08P01).`,
        remedy:
          `Take ${what} out of DATABASE_URL, where it stands, or connect past the pooler. A PgBouncer of your own lets it pass ` +
          `with ignore_startup_parameters = ${name}.`,
      };
    }
    case "database":
      return {
        code: "DATABASE_AUTH",
        message: "The pooler knows no database of the name in DATABASE_URL, or has it disabled (08P01).",
        remedy: "Check the path of DATABASE_URL, and the databases that the pooler is configured for.",
      };
    case "user":
      return {
        code: "DATABASE_AUTH",
        message: "The pooler refused the user or the password (08P01).",
        remedy:
          "Check user and password in DATABASE_URL, and the users that the pooler knows (auth_file, auth_query).",
      };
    case "encryption":
      return {
        code: "CONFIG_INVALID",
        message: "The pooler takes encrypted connections alone (08P01).",
        remedy: "Add sslmode=require or sslmode=verify-full to DATABASE_URL.",
      };
  }
}

/** A database whose texts cannot be read as Unicode. */
export function unsupportedEncoding(encoding: string): Explanation {
  return {
    code: "ENCODING_UNSUPPORTED",
    message: `The database's encoding is ${encoding}, which Postgres does not convert: what its bytes mean is not known.`,
    remedy:
      "Mirror from a database with another encoding, UTF8 best: dump this one (pg_dump), CREATE DATABASE … ENCODING 'UTF8' " +
      "TEMPLATE template0, and restore with the encoding that the bytes are in (PGCLIENTENCODING).",
  };
}

/** SQLSTATEs of a start-up parameter that is unknown, has no such value, or is not ours to set. */
const PARAMETER_CODES = new Set(["42704", "42601", "22023", "55P02"]);

/** What the server says instead of letting a client in. */
export function explainNotLetIn(code: string | undefined, { message }: ServerError): Explanation | null {
  const encoding = /conversion between UTF8 and (\w+) is not supported/.exec(message)?.[1];
  if (encoding !== undefined) return unsupportedEncoding(encoding);
  const denied = code === "42501" ? /set parameter "([A-Za-z0-9_.]+)"/.exec(message)?.[1] : undefined;
  if (code !== undefined && (PARAMETER_CODES.has(code) || denied !== undefined)) {
    const unknown = code === "42704" ? /"([A-Za-z0-9_.]+)"/.exec(message)?.[1] : undefined;
    const name = denied ?? unknown;
    return {
      code: "CONFIG_INVALID",
      message: `Postgres does not take ${name === undefined ? "a start-up parameter" : `the start-up parameter ${name}`} (${code}).`,
      remedy: "Correct what stands as options in DATABASE_URL, or take it out.",
    };
  }
  if (code === "42501") {
    return {
      code: "PERMISSION_DENIED",
      message: "The role may not connect to the database that DATABASE_URL names (42501).",
      remedy: "GRANT CONNECT ON DATABASE … TO the role, as the database's owner.",
    };
  }
  if (code === "55000") {
    return {
      code: "DATABASE_AUTH",
      message: "The database that DATABASE_URL names takes no connections (55000).",
      remedy: "Check the path of DATABASE_URL: it is a template, or ALLOW_CONNECTIONS was set to false.",
    };
  }
  return null;
}

/** OpenSSL's and Node's codes of a certificate that is not to be relied on. */
const CERTIFICATE_CODES =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;

export function explainTls(code: string | undefined): Explanation | null {
  if (code !== undefined && CERTIFICATE_CODES.test(code)) {
    return {
      code: "DATABASE_UNREACHABLE",
      message: `The server's certificate was not accepted (${code}).`,
      remedy:
        "Name the authority that signed it in NODE_EXTRA_CA_CERTS, and the host in DATABASE_URL as the certificate does; or, where " +
        "the network can be trusted, use sslmode=require, which does not verify.",
    };
  }
  if (code?.startsWith("ERR_SSL_")) {
    return {
      code: "DATABASE_UNREACHABLE",
      message: `No encrypted connection to the server came about (${code}).`,
      remedy:
        "Where the server does not offer TLS, and the network can be trusted, add sslmode=disable to DATABASE_URL.",
    };
  }
  return null;
}

/** Nobody answered, or nobody who could help, until the tries were used up. */
export function unreachable(code: string | undefined, doing: string): Explanation {
  const remedies: Readonly<Record<string, string>> = {
    "53300":
      "The server, the database or the role has as many connections as it may have: raise max_connections or CONNECTION LIMIT, " +
      "or connect through a pooler.",
    "08P01": "A pooler answered, and had no connection to the server to give: its log says why.",
  };
  return {
    code: "DATABASE_UNREACHABLE",
    message: `Postgres could not be reached while ${doing} (${code}).`,
    remedy:
      remedies[code ?? ""] ??
      "Check that the server is up and that DATABASE_URL names its host and port; then run again.",
  };
}
