// A real OpenID Connect provider over HTTPS on loopback, with the settings that a test writes to its
// standard input as one line of JSON: { port, key, certificate, client, people, roles }.
// Prints "ready" when it listens. A person signs in by writing their subject into the provider's own
// development form; the password is not looked at.
import { readFileSync } from "node:fs";
import https from "node:https";
import { createInterface } from "node:readline";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

console.warn = console.info = () => {};

const made = new Map();

function keys(number) {
  if (!made.has(number)) made.set(number, newKeys(number));
  return made.get(number);
}

function newKeys(number) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  return [
    { ...rsa.export({ format: "jwk" }), kid: `rsa-${number}`, use: "sig", alg: "RS256" },
    { ...privateKey.export({ format: "jwk" }), kid: `ec-${number}`, use: "sig", alg: "ES256" },
  ];
}

function start(given) {
  const issuer = `https://localhost:${given.port}`;
  const provider = new Provider(issuer, {
    clients: [given.client],
    jwks: { keys: keys(given.generation ?? 1) },
    cookies: { keys: ["only for tests"] },
    claims: {
      openid: ["sub", "sid"],
      profile: ["name", "preferred_username", "groups", "employee_number"],
    },
    conformIdTokenClaims: false,
    acrValues: ["urn:example:mfa"],
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
    },
    // Its guard against addresses of this machine would keep it from the back channel of the tests.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
    pkce: { required: () => true },
    async findAccount(_ctx, id) {
      const claims = given.people[id];
      return claims && { accountId: id, claims: async () => ({ sub: id, ...claims }) };
    },
  });
  const errors = ["server_error", "backchannel.error", "authorization.error", "grant.error"];
  for (const name of errors) {
    provider.on(name, (...args) => {
      const error = args.find((one) => one instanceof Error);
      process.stdout.write(`${name} ${error?.message} ${error?.error_detail ?? ""} ${error?.cause ?? ""}\n`);
    });
  }
  provider.on("backchannel.success", () => process.stdout.write("backchannel.success\n"));
  const tls = { key: readFileSync(given.key), cert: readFileSync(given.certificate) };
  return https.createServer(tls, provider.callback()).listen(given.port, "127.0.0.1", () => {
    process.stdout.write("ready\n");
  });
}

let server;
for await (const line of createInterface({ input: process.stdin })) {
  if (server) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
  server = start(JSON.parse(line));
}
process.exit(0);
