// The credentials in a client of the AWS SDK for JavaScript v3, in node: it signs
// requests with them until they expire.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import { after, before, beforeEach, mock, test } from "node:test";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { VestibuleError, credentialProvider } from "../../static/vestibule.js";

const ARN = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";
const CREDENTIALS = {
  AccessKeyId: "ASIAEXAMPLE",
  SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  SessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDGV1LWNlbnRyYWwtMQ==",
  Expiration: "2026-11-23T10:00:00Z",
  role: "arn:aws:iam::123456789012:role/ADFS-Production",
  account: "123456789012",
  user: "paula@example.com",
};
const at = (time) => mock.timers.setTime(Date.parse(time));

let requests;
const service = createServer(async (request, response) => {
  const { method, url, headers } = request;
  requests.push({ method, url, headers, body: Buffer.concat(await request.toArray()) });
  // The SDK would sign by the service's clock, which is not the test's.
  response.sendDate = false;
  response.setHeader("Content-Type", "text/xml");
  response.end(
    `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
      `<Arn>${ARN}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  );
});
let endpoint;
before(async () => {
  // Nothing of this machine's AWS set-up.
  for (const name of Object.keys(process.env).filter((name) => name.startsWith("AWS_"))) {
    delete process.env[name];
  }
  process.env.AWS_CONFIG_FILE = process.env.AWS_SHARED_CREDENTIALS_FILE = "/nonexistent";
  await new Promise((listening) => service.listen(0, "127.0.0.1", listening));
  endpoint = `http://127.0.0.1:${service.address().port}`;
  mock.timers.enable({ apis: ["Date"] });
});
beforeEach(() => (requests = []));
after(() => {
  mock.timers.reset();
  service.closeAllConnections();
  service.close();
});

function client(credentials) {
  const region = "eu-central-1";
  const sts = new STSClient({ region, endpoint, credentials: credentialProvider(credentials) });
  return () => sts.send(new GetCallerIdentityCommand());
}

test("a client signs with the credentials", async () => {
  at("2026-11-23T09:00:00Z");
  const { Arn } = await client(CREDENTIALS)();
  assert.equal(Arn, ARN);
  const [{ headers }] = requests;
  const scope = "ASIAEXAMPLE/20261123/eu-central-1/sts/aws4_request";
  assert.ok(headers.authorization.startsWith(`AWS4-HMAC-SHA256 Credential=${scope}, `), headers.authorization);
  assert.equal(headers["x-amz-security-token"], CREDENTIALS.SessionToken);
  assert.match(headers.authorization, /SignedHeaders=[^,]*\bx-amz-security-token\b/);
  assert.equal(signatureOf(headers.authorization), signature(requests[0], CREDENTIALS.SecretAccessKey));
  assert.notEqual(signatureOf(headers.authorization), signature(requests[0], "another"));
});

test("a client signs until the credentials expire, then sends nothing", async () => {
  const ask = client(CREDENTIALS);
  // The SDK asks the provider once, and for each request of the last five minutes.
  for (const time of ["09:00:00", "09:54:00", "09:56:00", "09:59:59"]) {
    at(`2026-11-23T${time}Z`);
    assert.equal((await ask()).Arn, ARN, time);
  }
  assert.equal(requests.length, 4);

  for (const time of ["10:00:00", "23:00:00"]) {
    at(`2026-11-23T${time}Z`);
    await assert.rejects(ask(), (error) => {
      assert.ok(error instanceof VestibuleError);
      assert.deepEqual([error.code, error.retry], ["credentials_expired", false]);
      return true;
    });
  }
  assert.equal(requests.length, 4);
});

test("after expiry the SDK asks the provider once for each request, and tries no more", async () => {
  at("2026-11-23T10:00:00Z");
  const provider = mock.fn(credentialProvider(CREDENTIALS));
  const sts = new STSClient({ region: "eu-central-1", endpoint, credentials: provider, maxAttempts: 3 });
  await assert.rejects(sts.send(new GetCallerIdentityCommand()), { code: "credentials_expired" });
  assert.equal(provider.mock.callCount(), 1);
});

const signatureOf = (authorization) => authorization.split("Signature=")[1];

/** The signature that AWS expects (Signature Version 4). */
function signature({ method, url, headers, body }, secret) {
  const sha256 = (data) => createHash("sha256").update(data).digest("hex");
  const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
  const [, scope] = headers.authorization.match(/Credential=[^/]+\/([^,]+),/);
  const [, signed] = headers.authorization.match(/SignedHeaders=([^,]+),/);
  const lines = signed.split(";").map((name) => `${name}:${headers[name]}\n`);
  const request = [method, url, "", lines.join(""), signed, sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(request)].join("\n");
  const key = scope.split("/").reduce(hmac, `AWS4${secret}`);
  return hmac(key, text).toString("hex");
}
