// Each of these is a mistake, and TypeScript must find it: else the module's
// types would be "any".

import { VestibuleError, complete, configure, credentialProvider, ping, start } from "@vestibule-federation/vestibule";

configure({ bse: "https://vestibule.example.com" });
start(42);
complete({ reason: 42 });
new VestibuleError("code", "sentence").ask satisfies string;
ping({ AccessKeyId: "ASIA" });
(await complete()).AccessKeyId;
new VestibuleError("code", "sentence").retry satisfies string;
credentialProvider(await complete());
