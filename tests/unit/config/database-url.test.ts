import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readDatabaseUrl } from "../../../src/config/database-url.js";

function read(text: string) {
  const result = readDatabaseUrl(text, "DATABASE_URL");
  if (!result.ok) throw new Error(result.problem.message);
  return { ...result, url: result.database.url.reveal() };
}

function refusal(text: string) {
  const result = readDatabaseUrl(text, "DATABASE_URL (from .env)");
  return result.ok ? null : result.problem;
}

describe("the database URL", () => {
  it("cleans Neon's own connection string", () => {
    const { url, database, warnings } = read(
      "postgresql://owner:s3cret-pw@ep-a-b-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
    );
    expect(url).toBe(
      "postgresql://owner:s3cret-pw@ep-a-b-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=verify-full",
    );
    expect(database).toMatchObject({
      host: "ep-a-b-pooler.eu-central-1.aws.neon.tech",
      port: 5432,
      database: "neondb",
      sslMode: "verify-full",
    });
    expect(warnings).toEqual([]);
  });

  it("keeps what Postgres understands and drops what it would refuse", () => {
    const { url } = read(
      "postgres://u:pass@localhost:6543/app?pgbouncer=true&options=-c%20geqo%3Doff&connection_limit=1&application_name=me&schema=x&connect_timeout=7",
    );
    expect([...new URL(url).searchParams]).toEqual([
      ["options", "-c geqo=off"],
      ["application_name", "me"],
      ["connect_timeout", "7"],
      ["sslmode", "disable"],
    ]);
  });

  it.each([
    ["localhost", "", "disable"],
    ["127.0.0.1", "", "disable"],
    ["[::1]", "", "disable"],
    ["localhost", "?sslmode=require", "prefer"],
    ["localhost", "?sslmode=verify-full", "verify-full"],
    ["postgres", "", "prefer"],
    ["10.1.2.3", "", "prefer"],
    ["10.1.2.3", "?sslmode=require", "require"],
    ["db.example.com", "", "require"],
    ["db.example.com", "?sslmode=prefer", "prefer"],
    ["db.example.com", "?sslmode=disable", "disable"],
    ["db.example.com", "?sslmode=verify-ca", "verify-full"],
    ["db.example.com", "?sslmode=require&sslrootcert=system", "verify-full"],
    ["ep-x.neon.tech", "", "verify-full"],
    ["ep-x.neon.tech", "?sslmode=require", "verify-full"],
    ["notneon.tech", "?sslmode=require", "require"],
  ])("at %s%s connects with sslmode %s", (host, query, expected) => {
    const { database, url } = read(`postgresql://u:pass@${host}/app${query}`);
    expect(database.sslMode).toBe(expected);
    expect(new URL(url).searchParams.get("sslmode")).toBe(expected);
  });

  it("warns where a certificate is not verified", () => {
    expect(read("postgresql://u:pass@db.example.com/app?sslmode=require").warnings).toEqual([
      "The connection to db.example.com is encrypted, but its certificate is not verified. Use sslmode=verify-full if an authority that Node knows signed it (NODE_EXTRA_CA_CERTS adds your own).",
    ]);
  });

  it.each([
    ["mysql://u:topsecret@h/d", "DATABASE_URL (from .env) is not a Postgres connection string."],
    ["postgresql://u:top#secret@h/d", "DATABASE_URL (from .env) is not a Postgres connection string."],
    ["postgresql://u:top/secret@h/d", "DATABASE_URL (from .env) is not a Postgres connection string."],
    ["postgresql://u:top%secret@h/d", "DATABASE_URL (from .env) is not a Postgres connection string."],
    ["postgresql://u:topsecret@h:port/d", "DATABASE_URL (from .env) is not a Postgres connection string."],
    [
      "psql 'postgresql://u:topsecret@h/d'",
      "DATABASE_URL (from .env) is a psql command, not a connection string.",
    ],
    ["postgresql:///d?topsecret=1", "DATABASE_URL (from .env) names no host."],
    [
      "postgresql://h/d?user=u&password=topsecret",
      "DATABASE_URL (from .env) has user, password among its parameters.",
    ],
    [
      "postgresql://u:topsecret@h/d?sslmode=topsecret",
      "DATABASE_URL (from .env) has an sslmode that does not exist.",
    ],
  ])("refuses %s without repeating it", (text, message) => {
    const problem = refusal(text);
    expect(problem?.message).toBe(message);
    expect(JSON.stringify(problem)).not.toContain("secret");
  });

  it("registers the password as it is and as it was written, but not a word that stands everywhere", () => {
    const secretsOf = (text: string) => read(text).secrets.map((secret) => secret.reveal());
    expect(secretsOf("postgresql://u:p%40ss%2Fword@h/d")).toEqual(["p@ss/word"]);
    expect(secretsOf("postgresql://postgres:postgres@localhost/d")).toEqual([]);
    expect(secretsOf("postgresql://u@localhost/d")).toEqual([]);
  });

  it("gives back user and password of any characters", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "binary" }),
        fc.string({ unit: "binary" }),
        (user, password) => {
          const text = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h.example/d`;
          const url = new URL(read(text).url);
          expect(decodeURIComponent(url.username)).toBe(user);
          expect(decodeURIComponent(url.password)).toBe(password);
        },
      ),
    );
  });
});
