//! The files' texts.

use serde_json::json;
use std::path::Path;

/// The values that differ from site to site.
pub(super) struct Site<'a> {
    pub(super) public_url: &'a str,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) partition: &'a str,
    pub(super) provider_name: &'a str,
    pub(super) provider: &'a str,
    pub(super) entity_id: Option<&'a str>,
    pub(super) adfs_page: Option<String>,
    /// As it is seen from where `init` runs.
    pub(super) directory: &'a Path,
}

impl Site<'_> {
    fn acs(&self) -> String {
        format!("{}/saml", self.public_url)
    }

    /// AWS's name as a relying party, in each partition (IAM guide, `SAML:aud` and metadata).
    fn relying_party(&self) -> &'static str {
        match self.partition {
            "aws-us-gov" => "urn:amazon:webservices:govcloud",
            "aws-cn" => "urn:amazon:webservices:cn-north-1",
            _ => "urn:amazon:webservices",
        }
    }

    pub(super) fn configuration(&self, metadata: &Path) -> String {
        let mut idp = String::new();
        if let Some(entity_id) = self.entity_id {
            idp.push_str(&format!("entity_id = {}\n", text(entity_id)));
        }
        match &self.adfs_page {
            Some(page) => idp.push_str(&format!(
                "sign_on_url = {}\nrelying_party_id = {}\n",
                text(page),
                text(self.relying_party())
            )),
            None => idp.push_str(
                "# Its sign-on page, so that pages can link to it:\n#sign_on_url = \"https://…\"\n",
            ),
        }
        format!(
            r#"# Made by `vestibule init`. Every other option, and what all of them mean, is in
# config/vestibule.toml of the distribution. Paths are relative to the directory
# that Vestibule is started in.

[server]
listen = "127.0.0.1:8080"
admin_listen = "127.0.0.1:9090"
# The ACS, which AD FS posts to and trust policies are pinned to, is this + "/saml".
public_url = {public_url}

[saml]
entity_id = {relying_party}
audience = {relying_party}

[[saml.idp]]
name = {name}
provider_arn = {provider}
metadata = {metadata}
{idp}select.groups = "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue"

[sts]
kind = "aws"
region = {region}

# For one server without these: kind = "embedded", path = "var/vestibule.db".
[store]
kind = "dynamodb"
sessions_table = "SAMLSessions"
users_table = "SAMLUsers"
audit_table = "SAMLAudit"
claims_table = "SAMLClaims"

# For one server without KMS: kind = "local", path = "var/keys".
[keys]
kind = "kms"
key_id = "alias/sessionMaster"
keys_table = "SAMLKeys"
encryption_context = {{ samlprovider = {name} }}

# The first rule that holds decides; where none holds, the login is refused.
[[rule]]
name = "production"
when.role_name = {{ contains = "Prod" }}
duration = "1h"
"#,
            public_url = text(self.public_url),
            relying_party = text(self.relying_party()),
            name = text(self.provider_name),
            provider = text(self.provider),
            metadata = text(&metadata.to_string_lossy()),
            region = text(self.region),
        )
    }

    /// Documents of IAM have no comments: what is to say of it is in the README.
    pub(super) fn trust_policy(&self) -> String {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": self.provider },
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": { "StringEquals": { "SAML:aud": self.acs() } },
            }],
        });
        format!("{policy:#}\n")
    }

    pub(super) fn adfs_script(&self) -> String {
        format!(
            r#"# Made by `vestibule init`. Run it once, on the primary AD FS server, as an
# administrator: a relying party trust for AWS whose answers go to Vestibule.
# AD FS serves no login while its service restarts, at the end.
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'
Import-Module ADFS

$name       = 'AWS by Vestibule'
$identifier = '{identifier}'
$acs        = '{acs}'

# Only one trust can have this identifier. If it exists, people sign in to AWS's
# own console by it: its assertions would go elsewhere if this script changed it.
$existing = Get-AdfsRelyingPartyTrust -Identifier $identifier
if ($existing) {{
    throw "The relying party trust '$($existing.Name)' has the identifier $identifier already. Nothing was changed. Add $acs to its SAML endpoints as the default by hand (those who use the console then need a trust of their own), or remove it and run this again."
}}

# Groups named AWS-something give the role ADFS-something.
$rules = @'
@RuleName = "NameID"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname"]
 => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", Issuer = c.Issuer, OriginalIssuer = c.OriginalIssuer, Value = c.Value, ValueType = c.ValueType, Properties["http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format"] = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent");

@RuleName = "RoleSessionName from mail"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Issuer == "AD AUTHORITY"]
 => issue(store = "Active Directory", types = ("https://aws.amazon.com/SAML/Attributes/RoleSessionName"), query = ";mail;{{0}}", param = c.Value);

@RuleName = "Groups, not sent by themselves"
c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname", Issuer == "AD AUTHORITY"]
 => add(store = "Active Directory", types = ("http://temp/variable"), query = ";tokenGroups;{{0}}", param = c.Value);

@RuleName = "AWS groups for rules and audit"
c:[Type == "http://temp/variable", Value =~ "^AWS-"]
 => issue(Type = "http://schemas.xmlsoap.org/claims/Group", Value = c.Value);

@RuleName = "Roles from groups"
c:[Type == "http://temp/variable", Value =~ "^AWS-"]
 => issue(Type = "https://aws.amazon.com/SAML/Attributes/Role", Value = RegExReplace(c.Value, "AWS-", "{provider},arn:{partition}:iam::{account}:role/ADFS-"));
'@

# Who may sign in at all: everybody; without a group AWS-… nobody gets a role.
$everybody = '@RuleTemplate = "AllowAllAuthzRule" => issue(Type = "http://schemas.microsoft.com/authorization/claims/permit", Value = "true");'

$endpoint = New-AdfsSamlEndpoint -Binding POST -Protocol SAMLAssertionConsumer -Uri $acs -IsDefault $true -Index 0
Add-AdfsRelyingPartyTrust -Name $name -Identifier $identifier -SamlEndpoint $endpoint -IssuanceTransformRules $rules -IssuanceAuthorizationRules $everybody -SamlResponseSignature AssertionOnly -SignatureAlgorithm 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'

# Logins begin at AD FS's sign-on page, and bring back what the page gave along.
Set-AdfsProperties -EnableRelayStateForIdpInitiatedSignOn $true
if ((Get-Command Set-AdfsProperties).Parameters.ContainsKey('EnableIdPInitiatedSignonPage')) {{
    Set-AdfsProperties -EnableIdPInitiatedSignonPage $true
}}
Restart-Service adfssrv
Write-Host "Done: $name sends its assertions to $acs."
"#,
            identifier = quoted(self.relying_party()),
            acs = quoted(&self.acs()),
            provider = self.provider,
            partition = self.partition,
            account = self.account,
        )
    }

    pub(super) fn readme(&self) -> String {
        let Self { provider_name: name, provider, public_url, partition, account, .. } = self;
        let config = self.directory.join("vestibule.toml");
        format!(
            r"# Vestibule at {public_url}

Made by `vestibule init`. In this order:

1. **The SAML provider in IAM**, {provider}:
   `aws iam create-saml-provider --name {name} --saml-metadata-document file://idp-metadata.xml`
   (If it exists: `aws iam update-saml-provider`; IAM keeps its own copy of the metadata, and STS
   refuses logins after a change of AD FS's certificate until that copy is renewed.)
2. **The roles.** `trust-policy.json` is the same for each role; AD FS's group `AWS-Production`
   gives the role `ADFS-Production`, arn:{partition}:iam::{account}:role/ADFS-Production:
   `aws iam create-role --role-name ADFS-Production --assume-role-policy-document file://trust-policy.json`,
   then attach what its people may do.
3. **AD FS**: run `adfs.ps1` on the primary server. With another identity provider, give it the ACS
   `{acs}`, the entity id `{identifier}`, and the attributes that the script's claim rules make.
4. **Tables and keys** as `[store]` and `[keys]` of `vestibule.toml` name them (`deploy/` makes them).
5. Where `init` was run (the configuration names the metadata as seen from there):
   `vestibule check --config {config}`, then, with the credentials that the service will have,
   `vestibule doctor --config {config} --role arn:{partition}:iam::{account}:role/ADFS-Production`.

## About the trust policy

`SAML:aud` in a trust policy is the assertion's *Recipient*, the address it was posted to, and not its
Audience. Policies made by the console pin AWS's own sign-in page, and STS answers `AccessDenied` to what
came by way of this service; `trust-policy.json` pins `{acs}` instead, so that the role cannot be had with
an assertion meant for anybody else. This is reasoned from AWS's documentation and from reports, and was
not tried on the real STS: try it with one role of little power first.
",
            acs = self.acs(),
            identifier = self.relying_party(),
            config = config.display(),
        )
    }
}

/// A TOML basic string. JSON's strings are such.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// Inside a PowerShell string in single quotes, of which it takes four kinds.
fn quoted(value: &str) -> String {
    value
        .chars()
        .flat_map(|c| std::iter::repeat_n(c, 1 + usize::from(matches!(c, '\'' | '‘' | '’' | '‚' | '‛'))))
        .collect()
}
