// A page's developer uses the AWS SDK for JavaScript v3.

import { STSClient } from "@aws-sdk/client-sts";
import type { AwsCredentialIdentityProvider } from "@aws-sdk/types";
import { type Credentials, credentialProvider } from "@vestibule-federation/vestibule";

export function client(credentials: Credentials): STSClient {
  const provider: AwsCredentialIdentityProvider = credentialProvider(credentials);
  // @ts-expect-error Their names are those of the AWS API, not of the SDK.
  new STSClient({ credentials });
  return new STSClient({ region: "eu-central-1", credentials: provider });
}
